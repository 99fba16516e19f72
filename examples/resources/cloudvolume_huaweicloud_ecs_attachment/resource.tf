variable "server_id" {
  description = "An ECS server."
  type        = string
}

variable "volume_ids" {
  description = "EVS volumes in the server's availability zone."
  type        = set(string)
}

resource "cloudvolume_huaweicloud_ecs_attachment" "data" {
  for_each = var.volume_ids

  server_id = var.server_id
  volume_id = each.value

  # A shared or a system volume cannot have it changed.
  delete_on_termination = false

  timeouts = {
    create = "5m"
    delete = "5m"
  }
}

output "devices" {
  description = "The names that the cloud reports; the guest may show others."
  value       = { for volume, attachment in cloudvolume_huaweicloud_ecs_attachment.data : volume => attachment.device }
}
