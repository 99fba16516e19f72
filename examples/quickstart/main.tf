# Volumes on servers of two simulated clouds, by all three resources. `make demo` runs it. By hand: `make install`, start
# `make simulator`, set in another terminal the variables that it prints and TF_VAR_huaweicloud_endpoint to its first URL, and
# run `terraform init` and `terraform apply` here.

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
      ecs       = var.huaweicloud_endpoint
      evs       = var.huaweicloud_endpoint
      iam       = var.huaweicloud_endpoint
      modelarts = var.huaweicloud_endpoint
    }
  }
  samsungcloud = {
    default_region = "kr-west1"
    # The catalog's address and the keys come from SCP_TF_AUTH_URL, SCP_TF_ACCESS_KEY and SCP_TF_SECRET_KEY.
  }
}

locals {
  # Servers and volumes of the simulator's built-in world.
  attachments = {
    web-1-data = { server = 1, volume = 1 }
    web-1-logs = { server = 1, volume = 2 }
    web-2-data = { server = 2, volume = 3 }
  }
}

resource "cloudvolume_huaweicloud_ecs_attachment" "volume" {
  for_each = local.attachments

  server_id = format("5e000000-0000-4000-8000-%012d", each.value.server)
  volume_id = format("d1000000-0000-4000-8000-%012d", each.value.volume)
}

resource "cloudvolume_huaweicloud_lite_server_attachment" "training" {
  server_id = "1e000000-0000-4000-8000-000000000001"
  volume_id = "d1000000-0000-4000-8000-000000000004"
}

resource "cloudvolume_samsungcloud_virtual_server_attachment" "web" {
  server_id = "5c000000-0000-4000-8000-000000000001"
  volume_id = "d5000000-0000-4000-8000-000000000001"
}

output "devices" {
  description = "The device names that the clouds report."
  value = merge(
    { for name, attachment in cloudvolume_huaweicloud_ecs_attachment.volume : name => attachment.device },
    {
      training = cloudvolume_huaweicloud_lite_server_attachment.training.device
      web      = cloudvolume_samsungcloud_virtual_server_attachment.web.device
    },
  )
}
