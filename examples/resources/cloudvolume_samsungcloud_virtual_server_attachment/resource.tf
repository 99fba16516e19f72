variable "server_id" {
  description = "A Virtual Server."
  type        = string
}

variable "volume_ids" {
  description = "Block volumes in the server's region."
  type        = set(string)
}

resource "cloudvolume_samsungcloud_virtual_server_attachment" "data" {
  for_each = var.volume_ids

  server_id = var.server_id
  volume_id = each.value

  delete_on_termination = false

  timeouts = {
    create = "5m"
    delete = "5m"
  }
}
