#!/bin/sh
# Creates the two app registrations of mod_amlaps with the az CLI, and prints the configuration.
#
#   sign-in app   people sign in to it (mod_auth_openidc); app roles; may read nothing
#   reader app    reads devices and passwords (mod_amlaps); certificate only; nobody signs in to it
#
# Usage: az login --tenant TENANT; sh create-apps.sh https://helpdesk.example.com/laps/ CERT.pem [groups]
#   `groups` adds the permissions for AMLapsGroupsFrom graph and for people in more than 200 groups.
# Needs: a Privileged Role Administrator or Global Administrator, since consent is given too.
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ] || { [ $# -eq 3 ] && [ "$3" != groups ]; }; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
page=${1%/}
certificate=$2
case ${page#https://} in
    "$page" | */*/* | /*) wrong=yes ;;
    */laps) wrong= ;;
    *) wrong=yes ;;
esac
if [ -n "$wrong" ]; then echo "the page's address must be https://YOUR.SERVER/laps" >&2; exit 2; fi
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || { echo "$certificate is no valid certificate" >&2; exit 2; }

graph=00000003-0000-0000-c000-000000000000
# DeviceLocalCredential.Read.All, Device.Read.All; GroupMember.Read.All, User.ReadBasic.All
permissions="884b599e-4d48-43a5-ba94-15c414d00588 7438b122-aefc-4978-80ed-43db9fcc7715"
if [ "${3-}" = groups ]; then
    permissions="$permissions 98830695-27a2-44f7-8c18-0c3ebc9698f6 97235f07-e226-4f63-ace3-39588e11d3a1"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
umask 077
new_id() { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen | tr '[:upper:]' '[:lower:]'; }

list=
for id in $permissions; do list="$list${list:+,}{\"id\":\"$id\",\"type\":\"Role\"}"; done
printf '[{"resourceAppId":"%s","resourceAccess":[%s]}]\n' "$graph" "$list" >"$folder/access.json"
role() { # role VALUE NAME DESCRIPTION
    printf '{"allowedMemberTypes":["User"],"isEnabled":true,"id":"%s","value":"%s","displayName":"%s","description":"%s"}' "$(new_id)" "$1" "$2" "$3"
}
printf '[%s,%s,%s]\n' \
    "$(role Laps.Reader 'LAPS reader' 'May use the LAPS page')" \
    "$(role Laps.Auditor 'LAPS auditor' 'May read the audit')" \
    "$(role Laps.Operator 'LAPS operator' 'May see the status and explain decisions')" >"$folder/roles.json"

tenant=$(az account show --query tenantId --output tsv)
login=$(az cloud show --query endpoints.activeDirectory --output tsv)
login=${login%/}
root=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
root=${root%/}
case $(az cloud show --query name --output tsv) in
    AzureUSGovernment) cloud='AMLapsCloud             usgov' ;;
    AzureChinaCloud) cloud='AMLapsCloud             china' ;;
    *) cloud= ;;
esac

reader=$(az ad app create --display-name "mod_amlaps reader" --sign-in-audience AzureADMyOrg \
    --required-resource-accesses "@$folder/access.json" --query appId --output tsv)
az ad sp create --id "$reader" --output none
# without --append other credentials of the app would be wiped
az ad app credential reset --id "$reader" --cert "@$certificate" --append --display-name "$(hostname)" --output none
# a new service principal takes a moment to show everywhere
tries=0
until az ad app permission admin-consent --id "$reader" 2>"$folder/consent"; do
    tries=$((tries + 1))
    if [ $tries -ge 10 ]; then cat "$folder/consent" >&2; exit 1; fi
    sleep 6
done

signin=$(az ad app create --display-name "mod_amlaps sign-in" --sign-in-audience AzureADMyOrg --app-roles "@$folder/roles.json" \
    --web-redirect-uris "$page/oidc/callback" --query appId --output tsv)
principal=$(az ad sp create --id "$signin" --query id --output tsv)
# nobody may sign in who has none of the roles
az rest --method PATCH --url "$root/v1.0/servicePrincipals/$principal" \
    --headers Content-Type=application/json --body '{"appRoleAssignmentRequired":true}' --output none

escaped=$(printf '%s' "$page" | sed 's/\./\\./g')
cat <<END
# Assign people or groups to the roles of "mod_amlaps sign-in" (Enterprise applications, Users and groups), and make a client
# secret for it, into /etc/amlaps/oidc-secret: az ad app credential reset --id $signin --append --query password --output tsv
# Certificate and key of "mod_amlaps reader" go to /etc/amlaps. Then this is for the virtual host of the page:

Include /etc/amlaps/auth_openidc-entra.conf
OIDCProviderMetadataURL $login/$tenant/v2.0/.well-known/openid-configuration
OIDCClientID            $signin
OIDCRedirectURI         $page/oidc/callback
OIDCDefaultURL          $page/
OIDCRedirectURLsAllowed ^$escaped(/|\$)

<AMLapsTenant contoso>
    AMLapsTenantId          $tenant
    AMLapsClientId          $reader
    AMLapsClientCertificate /etc/amlaps/graph.crt /etc/amlaps/graph.key${cloud:+
    $cloud}
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
END
