terraform {
  required_providers {
    cloudvolume = {
      source = "cloudvolume/cloudvolume"
    }
  }
}

variable "simulator" {
  description = "Where the simulator listens."
  type        = string
  default     = "http://127.0.0.1:8180"
}

# Region and keys come from HW_REGION_NAME, HW_ACCESS_KEY and HW_SECRET_KEY, so that nothing but the endpoints
# differs from the configuration for the real cloud.
provider "cloudvolume" {
  huaweicloud = {
    endpoints = {
      ecs       = var.simulator
      evs       = var.simulator
      modelarts = var.simulator
      iam       = var.simulator
    }
  }
}

resource "cloudvolume_huaweicloud_ecs_attachment" "data" {
  server_id = "5e000000-0000-4000-8000-000000000001"
  volume_id = "d1000000-0000-4000-8000-000000000001"
}

output "device" {
  description = "The device name that the cloud reports."
  value       = cloudvolume_huaweicloud_ecs_attachment.data.device
}
