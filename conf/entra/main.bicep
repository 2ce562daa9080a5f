// The two app registrations of mod_amlaps:
//   az deployment group create -g GROUP -f main.bicep -p page=https://helpdesk.example.com/laps \
//      certificate="$(openssl x509 -in graph.crt -outform DER | base64 -w0)" --query properties.outputs.configuration.value -o tsv
extension microsoftGraphV1

@description('Address of the page: https://YOUR.SERVER/laps')
param page string

@description('The reader\'s certificate, DER in base64; the private key stays on the server')
param certificate string

@description('Adds the permissions for AMLapsGroupsFrom graph and for people in more than 200 groups')
param groups bool = false

var root = endsWith(page, '/') ? take(page, length(page) - 1) : page
var login = environment().authentication.loginEndpoint
var loginRoot = endsWith(login, '/') ? take(login, length(login) - 1) : login
var graphAppId = '00000003-0000-0000-c000-000000000000'
// DeviceLocalCredential.Read.All, Device.Read.All; GroupMember.Read.All, User.ReadBasic.All
var permissions = concat([
  '884b599e-4d48-43a5-ba94-15c414d00588'
  '7438b122-aefc-4978-80ed-43db9fcc7715'
], groups ? [
  '98830695-27a2-44f7-8c18-0c3ebc9698f6'
  '97235f07-e226-4f63-ace3-39588e11d3a1'
] : [])
var roles = [
  { value: 'Laps.Reader', displayName: 'LAPS reader', description: 'May use the LAPS page' }
  { value: 'Laps.Auditor', displayName: 'LAPS auditor', description: 'May read the audit' }
  { value: 'Laps.Operator', displayName: 'LAPS operator', description: 'May see the status and explain decisions' }
]

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: graphAppId
}

resource reader 'Microsoft.Graph/applications@v1.0' = {
  displayName: 'mod_amlaps reader'
  uniqueName: 'mod-amlaps-reader'
  signInAudience: 'AzureADMyOrg'
  requiredResourceAccess: [
    {
      resourceAppId: graphAppId
      resourceAccess: [for id in permissions: { id: id, type: 'Role' }]
    }
  ]
  keyCredentials: [
    { displayName: 'mod_amlaps', usage: 'Verify', type: 'AsymmetricX509Cert', key: certificate }
  ]
}

resource readerPrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: reader.appId
}

// The admin's consent.
resource grant 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for id in permissions: {
  principalId: readerPrincipal.id
  resourceId: graph.id
  appRoleId: id
}]

resource signIn 'Microsoft.Graph/applications@v1.0' = {
  displayName: 'mod_amlaps sign-in'
  uniqueName: 'mod-amlaps-sign-in'
  signInAudience: 'AzureADMyOrg'
  web: {
    redirectUris: [
      '${root}/oidc/callback'
    ]
  }
  appRoles: [for role in roles: {
    id: guid('mod_amlaps', role.value)
    value: role.value
    displayName: role.displayName
    description: role.description
    allowedMemberTypes: [ 'User' ]
    isEnabled: true
  }]
}

// Nobody may sign in who has none of the roles.
resource signInPrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: signIn.appId
  appRoleAssignmentRequired: true
}

output configuration string = join([
  '# Assign people or groups to the roles of "mod_amlaps sign-in" (Enterprise applications, Users and groups), and make a client'
  '# secret for it (App registrations, Certificates & secrets), into /etc/amlaps/oidc-secret on the server.'
  '# Certificate and key of "mod_amlaps reader" go to /etc/amlaps. Then this is for the virtual host of the page:'
  ''
  'Include /etc/amlaps/auth_openidc-entra.conf'
  'OIDCProviderMetadataURL ${loginRoot}/${tenant().tenantId}/v2.0/.well-known/openid-configuration'
  'OIDCClientID            ${signIn.appId}'
  'OIDCRedirectURI         ${root}/oidc/callback'
  'OIDCDefaultURL          ${root}/'
  'OIDCRedirectURLsAllowed ^${replace(root, '.', '\\.')}(/|$)'
  ''
  '<AMLapsTenant contoso>'
  '    AMLapsTenantId          ${tenant().tenantId}'
  '    AMLapsClientId          ${reader.appId}'
  '    AMLapsClientCertificate /etc/amlaps/graph.crt /etc/amlaps/graph.key'
  '</AMLapsTenant>'
  ''
  '<AMLapsRule "Helpdesk">'
  '    AMLapsDevice all'
  '    AMLapsAllow  password role Laps.Reader'
  '</AMLapsRule>'
  'AMLapsAuditor  role Laps.Auditor'
  'AMLapsOperator role Laps.Operator'
  ''
  '<Location "/laps">'
  '    AuthType   openid-connect'
  '    Require    valid-user'
  '    SetHandler amlaps'
  '</Location>'
], '\n')
