# The two app registrations of mod_amlaps: terraform apply -var page=https://helpdesk.example.com/laps -var certificate=graph.crt

terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.0"
    }
  }
}

variable "page" {
  description = "Address of the page, such as https://helpdesk.example.com/laps"
  type        = string
  validation {
    condition     = can(regex("^https://[^/]+/laps/?$", var.page))
    error_message = "The page's address must be https://YOUR.SERVER/laps."
  }
}

variable "certificate" {
  description = "File of the reader's certificate in PEM; the private key stays on the server"
  type        = string
}

variable "login" {
  description = "Root of the login host of your cloud; with another than the global one set AMLapsCloud too"
  type        = string
  default     = "https://login.microsoftonline.com"
}

variable "groups" {
  description = "Adds the permissions for AMLapsGroupsFrom graph and for people in more than 200 groups"
  type        = bool
  default     = false
}

locals {
  page        = trimsuffix(var.page, "/")
  permissions = toset(concat(["DeviceLocalCredential.Read.All", "Device.Read.All"], var.groups ? ["GroupMember.Read.All", "User.ReadBasic.All"] : []))
  roles = {
    "Laps.Reader"   = ["LAPS reader", "May use the LAPS page"]
    "Laps.Auditor"  = ["LAPS auditor", "May read the audit"]
    "Laps.Operator" = ["LAPS operator", "May see the status and explain decisions"]
  }
}

data "azuread_client_config" "current" {}
data "azuread_application_published_app_ids" "well_known" {}

resource "azuread_service_principal" "graph" {
  client_id    = data.azuread_application_published_app_ids.well_known.result.MicrosoftGraph
  use_existing = true
}

resource "azuread_application" "reader" {
  display_name     = "mod_amlaps reader"
  sign_in_audience = "AzureADMyOrg"

  required_resource_access {
    resource_app_id = data.azuread_application_published_app_ids.well_known.result.MicrosoftGraph
    dynamic "resource_access" {
      for_each = local.permissions
      content {
        id   = azuread_service_principal.graph.app_role_ids[resource_access.value]
        type = "Role"
      }
    }
  }
}

resource "azuread_application_certificate" "reader" {
  application_id = azuread_application.reader.id
  type           = "AsymmetricX509Cert"
  value          = file(var.certificate)
}

resource "azuread_service_principal" "reader" {
  client_id = azuread_application.reader.client_id
}

# The admin's consent.
resource "azuread_app_role_assignment" "reader" {
  for_each            = local.permissions
  app_role_id         = azuread_service_principal.graph.app_role_ids[each.value]
  principal_object_id = azuread_service_principal.reader.object_id
  resource_object_id  = azuread_service_principal.graph.object_id
}

resource "random_uuid" "role" {
  for_each = local.roles
}

resource "azuread_application" "sign_in" {
  display_name     = "mod_amlaps sign-in"
  sign_in_audience = "AzureADMyOrg"

  web {
    redirect_uris = ["${local.page}/oidc/callback"]
  }

  dynamic "app_role" {
    for_each = local.roles
    content {
      id                   = random_uuid.role[app_role.key].result
      value                = app_role.key
      display_name         = app_role.value[0]
      description          = app_role.value[1]
      allowed_member_types = ["User"]
    }
  }
}

# Nobody may sign in who has none of the roles.
resource "azuread_service_principal" "sign_in" {
  client_id                    = azuread_application.sign_in.client_id
  app_role_assignment_required = true
}

output "configuration" {
  value = <<-END
    # Assign people or groups to the roles of "mod_amlaps sign-in" (Enterprise applications, Users and groups), and make a client
    # secret for it (App registrations, Certificates & secrets), into /etc/amlaps/oidc-secret on the server.
    # Certificate and key of "mod_amlaps reader" go to /etc/amlaps. Then this is for the virtual host of the page:

    Include /etc/amlaps/auth_openidc-entra.conf
    OIDCProviderMetadataURL ${var.login}/${data.azuread_client_config.current.tenant_id}/v2.0/.well-known/openid-configuration
    OIDCClientID            ${azuread_application.sign_in.client_id}
    OIDCRedirectURI         ${local.page}/oidc/callback
    OIDCDefaultURL          ${local.page}/
    OIDCRedirectURLsAllowed ^${replace(local.page, ".", "\\.")}(/|$)

    <AMLapsTenant contoso>
        AMLapsTenantId          ${data.azuread_client_config.current.tenant_id}
        AMLapsClientId          ${azuread_application.reader.client_id}
        AMLapsClientCertificate /etc/amlaps/graph.crt /etc/amlaps/graph.key
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
}
