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
    condition     = startswith(var.page, "https://")
    error_message = "The page's address must begin with https://."
  }
}

variable "certificate" {
  description = "File of the reader's certificate in PEM; the private key stays on the server"
  type        = string
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
    redirect_uris = ["${local.page}/oidc/callback", "${local.page}/signed-out.html"]
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
    <AMLapsTenant contoso>
        AMLapsTenantId          ${data.azuread_client_config.current.tenant_id}
        AMLapsClientId          ${azuread_application.reader.client_id}
        AMLapsClientCertificate /etc/amlaps/graph.crt /etc/amlaps/graph.key
    </AMLapsTenant>

    <AMLapsRule "Helpdesk">
        AMLapsDevice all
        AMLapsAllow  password role Laps.Reader
    </AMLapsRule>
    AMLapsOperator role Laps.Operator

    OIDCProviderMetadataURL https://login.microsoftonline.com/${data.azuread_client_config.current.tenant_id}/v2.0/.well-known/openid-configuration
    OIDCClientID            ${azuread_application.sign_in.client_id}
    OIDCClientSecret        "exec:/bin/cat /etc/amlaps/oidc-secret"
    OIDCRedirectURI         ${local.page}/oidc/callback
  END
}
