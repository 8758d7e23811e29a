// The vault with the connection string, which only the functions and who deploys may read.
param name string
param location string
param tags object
param privateNetwork bool
param identityPrincipalId string
param principalId string

@allowed(['User', 'Group', 'ServicePrincipal'])
param principalType string

@secure()
param mongodbUri string

var secretName = 'mongodb-uri'
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

// A deleted vault or secret can be recovered for 90 days. Purge protection is left out: it cannot
// be undone, and would keep the vault's name for those 90 days, so that `azd down --purge` and
// `azd up` would fail. The only secret can be set again at any time.
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    // checkov:skip=CKV_AZURE_42: see above
    // checkov:skip=CKV_AZURE_110: see above
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // checkov:skip=CKV_AZURE_109: open only without a private network, and then to identities alone
    // checkov:skip=CKV_AZURE_189: likewise
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(mongodbUri)) {
  parent: vault
  name: secretName
  properties: {
    // checkov:skip=CKV_AZURE_41: an expired secret would stop the functions
    // checkov:skip=CKV_AZURE_114: it is set; checkov looks for another spelling
    contentType: 'connection string'
    value: mongodbUri
  }
}

resource functionsRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identityPrincipalId, secretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource operatorReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(principalId)) {
  name: guid(vault.id, principalId, secretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: principalId
    principalType: principalType
  }
}

output id string = vault.id
output name string = vault.name

// An address, not a value. Without a version, Azure follows changes within a day.
output mongodbUriSecret string = '${vault.properties.vaultUri}secrets/${secretName}'
