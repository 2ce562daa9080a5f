# Creates the two app registrations of mod_amlaps with Microsoft Graph PowerShell, and prints the configuration.
#   ./create-apps.ps1 -Page https://helpdesk.example.com/laps/ -Certificate graph.crt [-Groups]
#Requires -Modules Microsoft.Graph.Authentication, Microsoft.Graph.Applications
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [ValidatePattern('^https://[^/]+/laps/?$')] [string] $Page,
    [Parameter(Mandatory)] [string] $Certificate,
    # Adds the permissions for AMLapsGroupsFrom graph and for people in more than 200 groups.
    [switch] $Groups
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$Page = $Page.TrimEnd('/')
$pair = [Security.Cryptography.X509Certificates.X509Certificate2]::new((Resolve-Path $Certificate).Path)
if ($pair.NotAfter -lt (Get-Date)) { throw "$Certificate has expired" }

# DeviceLocalCredential.Read.All, Device.Read.All; GroupMember.Read.All, User.ReadBasic.All
$permissions = @('884b599e-4d48-43a5-ba94-15c414d00588', '7438b122-aefc-4978-80ed-43db9fcc7715')
if ($Groups) { $permissions += '98830695-27a2-44f7-8c18-0c3ebc9698f6', '97235f07-e226-4f63-ace3-39588e11d3a1' }

Connect-MgGraph -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
$context = Get-MgContext
$tenant = $context.TenantId
$login = (Get-MgEnvironment -Name $context.Environment).AzureADEndpoint.TrimEnd('/')
$cloud = @{ USGov = 'usgov'; USGovDoD = 'usgov-dod'; China = 'china' }[$context.Environment]
$cloud = if ($cloud) { "`n    AMLapsCloud             $cloud" } else { '' }
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"

$reader = New-MgApplication -DisplayName 'mod_amlaps reader' -SignInAudience 'AzureADMyOrg' `
    -KeyCredentials @(@{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $pair.RawData; DisplayName = [Net.Dns]::GetHostName() }) `
    -RequiredResourceAccess @(@{ ResourceAppId = $graph.AppId; ResourceAccess = @($permissions | ForEach-Object { @{ Id = $_; Type = 'Role' } }) })
$principal = New-MgServicePrincipal -AppId $reader.AppId
foreach ($id in $permissions) {
    # This is the admin's consent.
    New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id -ResourceId $graph.Id -AppRoleId $id | Out-Null
}

$roles = @(
    @{ Value = 'Laps.Reader'; DisplayName = 'LAPS reader'; Description = 'May use the LAPS page' }
    @{ Value = 'Laps.Auditor'; DisplayName = 'LAPS auditor'; Description = 'May read the audit' }
    @{ Value = 'Laps.Operator'; DisplayName = 'LAPS operator'; Description = 'May see the status and explain decisions' }
) | ForEach-Object { $_ + @{ Id = [guid]::NewGuid(); IsEnabled = $true; AllowedMemberTypes = @('User') } }
$signIn = New-MgApplication -DisplayName 'mod_amlaps sign-in' -SignInAudience 'AzureADMyOrg' -AppRoles $roles `
    -Web @{ RedirectUris = @("$Page/oidc/callback") }
# Nobody may sign in who has none of the roles.
New-MgServicePrincipal -AppId $signIn.AppId -AppRoleAssignmentRequired | Out-Null

$escaped = $Page.Replace('.', '\.')
@"
# Assign people or groups to the roles of "mod_amlaps sign-in" (Enterprise applications, Users and groups), and make a client
# secret for it (App registrations, Certificates & secrets), into /etc/amlaps/oidc-secret on the server.
# Certificate and key of "mod_amlaps reader" go to /etc/amlaps. Then this is for the virtual host of the page:

Include /etc/amlaps/auth_openidc-entra.conf
OIDCProviderMetadataURL $login/$tenant/v2.0/.well-known/openid-configuration
OIDCClientID            $($signIn.AppId)
OIDCRedirectURI         $Page/oidc/callback
OIDCDefaultURL          $Page/
OIDCRedirectURLsAllowed ^$escaped(/|`$)

<AMLapsTenant contoso>
    AMLapsTenantId          $tenant
    AMLapsClientId          $($reader.AppId)
    AMLapsClientCertificate /etc/amlaps/graph.crt /etc/amlaps/graph.key$cloud
</AMLapsTenant>

<AMLapsRule "Helpdesk">
    AMLapsDevice all
    AMLapsAllow  password role Laps.Reader
</AMLapsRule>
AMLapsAuditor  role Laps.Auditor
AMLapsOperator role Laps.Operator

<Location "/laps">
    AuthType   openid-connect
    Require    valid-user
    SetHandler amlaps
</Location>
"@
