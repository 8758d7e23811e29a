// The function app on the plan Flex Consumption. Azure scales it; nothing runs between requests.
param name string
param location string
param tags object
param identityId string
param identityClientId string
param blobEndpoint string
param packagesContainer string
param insightsConnectionString string
param subnetId string
param instanceMemory int
param maximumInstances int
param alwaysReadyInstances int
param requestsPerInstance int
param corsOrigins string
param settings object

// The same as tools/package.py installs packages for; see azure.yaml.
var pythonVersion = '3.13'

var allSettings = union(settings, {
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
})

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    // checkov:skip=CKV_AZURE_225: needs instances that always run, in regions with zones
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'functions' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    // checkov:skip=CKV_AZURE_78: the plan has no FTP, and Azure refuses the property
    // checkov:skip=CKV_AZURE_17: browsers call it, and they have no certificates
    // checkov:skip=CKV_AZURE_212: alwaysReadyInstances, which cost money, are the user's choice
    // checkov:skip=CKV_AZURE_213: there are two routes, both write-only
    // checkov:skip=CKV_AZURE_222: browsers call it from the internet
    serverFarmId: plan.id
    httpsOnly: true
    // Key Vault references are read as the system's identity unless told otherwise.
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packagesContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemory
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyInstances }]
        triggers: {
          http: { perInstanceConcurrency: requestsPerInstance }
        }
      }
    }
    siteConfig: {
      appSettings: [for setting in items(allSettings): { name: setting.key, value: setting.value }]
      minTlsVersion: '1.2'
      http20Enabled: true
      cors: { allowedOrigins: empty(corsOrigins) ? [] : split(corsOrigins, ',') }
    }
  }

  // Deploying takes a sign-in, not the app's publishing password.
  resource noPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource noFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
