// All that the functions need in Azure. `azd up` creates it, or brings it up to date, and deploys.
//
// Secrets are set only by the deployments that are given them. A later one, such as the
// workflow's, needs none and leaves the connection string and the cluster as they are.
targetScope = 'subscription'

@description('Name of the azd environment, and of the resource group after "rg-".')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of all resources. It must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

// ---- The store: a connection string, or a password for a new cluster

@description('Connection string of a MongoDB or of another server of its protocol. Empty: unchanged.')
@secure()
param mongodbUri string = ''

@description('Password of the administrator of an Azure DocumentDB cluster. Empty: no cluster is created or changed.')
@secure()
param databasePassword string = ''

@description('Name of that administrator.')
param databaseAdministrator string = 'up2d8admin'

@description('Tier of that cluster, M10 to M200. Tiers below M30 are for tests and have no standby.')
param databaseTier string = 'M30'

@description('Storage of each shard, in GiB. It can only grow.')
@minValue(32)
param databaseStorageGiB int = 128

@description('Physical shards. They can only be added.')
@minValue(1)
@maxValue(10)
param databaseShards int = 1

@description('Whether each shard has a standby, in another zone where the region has zones.')
param databaseHighAvailability bool = true

@description('Address outside Azure that may reach that cluster, such as yours for `insights`. Empty: none.')
param databaseClientAddress string = ''

// ---- Scale

@description('Memory of an instance, in MB; processors and price come in proportion.')
@allowed([512, 2048, 4096])
param instanceMemory int = 2048

@description('Most instances at the same time. Each holds at most 12 connections to the store.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 100

@description('Instances that always run, so that no request waits for a cold start. They cost money while idle.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Concurrent requests of an instance. Azure takes 1 for Python unless told otherwise: no writes would then share a round trip, and each concurrent request would need an instance of its own.')
@minValue(1)
@maxValue(1000)
param requestsPerInstance int = 100

// ---- Access

@description('Comma-separated origins of the web pages that call the functions, such as https://app.example.com.')
param corsOrigins string = ''

@description('Whether storage, vault and cluster are reached only through a virtual network.')
param privateNetwork bool = false

@description('Who deploys, and may read the connection string to run `insights`. Set by azd.')
param principalId string = ''

@description('What that is. Set by azd.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param principalType string = 'User'

// ---- Watching

@description('Address that alerts are sent to. Empty: no alerts are created.')
param alertEmail string = ''

// ---- Settings of the functions, as docs/deployment.md explains them. Empty: the default.

@description('MONGODB_DATABASE')
param mongodbDatabase string = ''

@description('MONGODB_TIMEOUT_MS')
param mongodbTimeoutMs string = ''

@description('FEEDBACK_RATINGS')
param feedbackRatings string = ''

@description('HONOR_PRIVACY_SIGNALS')
param honorPrivacySignals string = ''

@description('AUTH_ISSUER')
param authIssuer string = ''

@description('AUTH_AUDIENCE')
param authAudience string = ''

@description('AUTH_JWKS_URL')
param authJwksUrl string = ''

@description('AUTH_USER_CLAIM')
param authUserClaim string = ''

@description('USER_LOOKUP')
param userLookup string = ''

@description('MESSAGE_LOOKUP')
param messageLookup string = ''

@description('SYSTEM_USERS')
param systemUsers string = ''

var tags = { 'azd-env-name': environmentName }
var token = uniqueString(subscription().id, environmentName, location)

resource group 'Microsoft.Resources/resourceGroups@2024-07-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module network 'network.bicep' = if (privateNetwork) {
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
  }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    identityPrincipalId: identity.outputs.principalId
  }
}

module vault 'vault.bicep' = {
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    mongodbUri: mongodbUri
    identityPrincipalId: identity.outputs.principalId
    principalId: principalId
    principalType: principalType
  }
}

module database 'database.bicep' = if (!empty(databasePassword)) {
  scope: group
  params: {
    name: 'docdb-${token}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    administrator: databaseAdministrator
    password: databasePassword
    tier: databaseTier
    storageGiB: databaseStorageGiB
    shards: databaseShards
    highAvailability: databaseHighAvailability
    clientAddress: databaseClientAddress
    vaultName: vault.outputs.name
  }
}

module storageEndpoint 'private-endpoint.bicep' = if (privateNetwork) {
  scope: group
  params: {
    name: 'pe-storage-${token}'
    location: location
    tags: tags
    targetId: storage.outputs.id
    groupId: 'blob'
    dnsZone: 'privatelink.blob.${environment().suffixes.storage}'
    networkId: privateNetwork ? network!.outputs.id : ''
    subnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
  }
}

module vaultEndpoint 'private-endpoint.bicep' = if (privateNetwork) {
  scope: group
  params: {
    name: 'pe-vault-${token}'
    location: location
    tags: tags
    targetId: vault.outputs.id
    groupId: 'vault'
    dnsZone: 'privatelink.vaultcore.azure.net'
    networkId: privateNetwork ? network!.outputs.id : ''
    subnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
  }
}

module databaseEndpoint 'private-endpoint.bicep' = if (privateNetwork && !empty(databasePassword)) {
  scope: group
  params: {
    name: 'pe-database-${token}'
    location: location
    tags: tags
    targetId: empty(databasePassword) ? '' : database!.outputs.id
    groupId: 'MongoCluster'
    dnsZone: 'privatelink.mongocluster.cosmos.azure.com'
    networkId: privateNetwork ? network!.outputs.id : ''
    subnetId: privateNetwork ? network!.outputs.endpointsSubnetId : ''
  }
}

module monitoring 'monitoring.bicep' = {
  scope: group
  params: {
    name: 'appi-${token}'
    location: location
    tags: tags
    identityPrincipalId: identity.outputs.principalId
  }
}

module alerts 'alerts.bicep' = if (!empty(alertEmail)) {
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.id
    email: alertEmail
  }
}

module functions 'functions.bicep' = {
  scope: group
  // The vault is read when the app is created, and after a failure only within a day.
  dependsOn: [database, storageEndpoint, vaultEndpoint]
  params: {
    name: 'func-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    packagesContainer: storage.outputs.packagesContainer
    insightsConnectionString: monitoring.outputs.connectionString
    subnetId: privateNetwork ? network!.outputs.functionsSubnetId : ''
    instanceMemory: instanceMemory
    maximumInstances: maximumInstances
    alwaysReadyInstances: alwaysReadyInstances
    requestsPerInstance: requestsPerInstance
    corsOrigins: corsOrigins
    settings: {
      MONGODB_URI: '@Microsoft.KeyVault(SecretUri=${vault.outputs.mongodbUriSecret})'
      MONGODB_DATABASE: mongodbDatabase
      MONGODB_TIMEOUT_MS: mongodbTimeoutMs
      FEEDBACK_RATINGS: feedbackRatings
      HONOR_PRIVACY_SIGNALS: honorPrivacySignals
      AUTH_ISSUER: authIssuer
      AUTH_AUDIENCE: authAudience
      AUTH_JWKS_URL: authJwksUrl
      AUTH_USER_CLAIM: authUserClaim
      USER_LOOKUP: userLookup
      MESSAGE_LOOKUP: messageLookup
      SYSTEM_USERS: systemUsers
    }
  }
}

// azd keeps these as variables of its environment.
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = functions.outputs.name
output FUNCTION_APP_URL string = functions.outputs.url
output KEY_VAULT_NAME string = vault.outputs.name
