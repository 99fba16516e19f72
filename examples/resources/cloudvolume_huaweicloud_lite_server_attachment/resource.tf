variable "lite_server_id" {
  description = "A Lite Server with A3 hardware: its own id, not that of the cloud server under it."
  type        = string
}

variable "volume_ids" {
  description = "EVS volumes in the Lite Server's availability zone."
  type        = set(string)
}

resource "cloudvolume_huaweicloud_lite_server_attachment" "data" {
  for_each = var.volume_ids

  server_id = var.lite_server_id
  volume_id = each.value

  timeouts = {
    create = "20m"
    delete = "20m"
  }
}
