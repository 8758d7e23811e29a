// An Azure DocumentDB cluster, and its connection string in the vault.
param name string
param location string
param tags object
param privateNetwork bool
param administrator string

@secure()
param password string

param tier string
param storageGiB int
param shards int
param highAvailability bool
param clientAddress string
param vaultName string

resource cluster 'Microsoft.DocumentDB/mongoClusters@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    administrator: {
      userName: administrator
      password: password
    }
    serverVersion: '8.0'
    compute: { tier: tier }
    storage: { sizeGb: storageGiB }
    sharding: { shardCount: shards }
    highAvailability: { targetMode: highAvailability ? 'ZoneRedundantPreferred' : 'Disabled' }
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }
}

// The outbound addresses of Flex Consumption are not fixed, so without a private network the
// cluster admits all of Azure, as these addresses tell it. A password is still needed.
resource admitAzure 'Microsoft.DocumentDB/mongoClusters/firewallRules@2025-09-01' = if (!privateNetwork) {
  parent: cluster
  name: 'AllowAllAzureServices'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource admitClient 'Microsoft.DocumentDB/mongoClusters/firewallRules@2025-09-01' = if (!privateNetwork && !empty(clientAddress)) {
  parent: cluster
  name: 'client'
  properties: {
    startIpAddress: clientAddress
    endIpAddress: clientAddress
  }
}

// Azure tells the string with two blanks to fill in.
var uriOfAdministrator = replace(cluster.properties.connectionString, '<user>', administrator)

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'mongodb-uri'
  properties: {
    // checkov:skip=CKV_AZURE_41: an expired secret would stop the functions
    // checkov:skip=CKV_AZURE_114: it is set; checkov looks for another spelling
    contentType: 'connection string'
    value: replace(uriOfAdministrator, '<password>', uriComponent(password))
  }
}

output id string = cluster.id
