# Four volumes on two servers of the simulated cloud. `make demo` runs it. By hand: start `make simulator`, set in another
# terminal the variables that it prints and TF_VAR_huaweicloud_endpoint to its URL, and run `terraform init` and
# `terraform apply` here.

terraform {
  required_providers {
    cloudvolume = {
      source = "cloudvolume/cloudvolume"
    }
  }
}

variable "huaweicloud_endpoint" {
  description = "Where the simulator answers as Huawei Cloud."
  type        = string
}

provider "cloudvolume" {
  huaweicloud = {
    region = "cn-north-4"
    # The keys come from HW_ACCESS_KEY and HW_SECRET_KEY.
    endpoints = {
      ecs = var.huaweicloud_endpoint
      evs = var.huaweicloud_endpoint
      iam = var.huaweicloud_endpoint
    }
  }
}

locals {
  # Servers and volumes of the simulator's built-in world.
  attachments = {
    web-1-data = { server = 1, volume = 1 }
    web-1-logs = { server = 1, volume = 2 }
    web-2-data = { server = 2, volume = 3 }
    web-2-logs = { server = 2, volume = 4 }
  }
}

resource "cloudvolume_huaweicloud_ecs_attachment" "volume" {
  for_each = local.attachments

  server_id = format("5e000000-0000-4000-8000-%012d", each.value.server)
  volume_id = format("d1000000-0000-4000-8000-%012d", each.value.volume)
}

output "devices" {
  description = "The device names that the cloud reports."
  value       = { for name, attachment in cloudvolume_huaweicloud_ecs_attachment.volume : name => attachment.device }
}
