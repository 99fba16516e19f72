# <server_id>/<volume_id>, in the provider's region
terraform import 'cloudvolume_huaweicloud_lite_server_attachment.data["5c8f2e10-3b7a-4f0e-9d5c-2a4e8b7c6d02"]' 11d1c3a6-7d2c-4c1e-8c59-6f5b1d6f0a01/5c8f2e10-3b7a-4f0e-9d5c-2a4e8b7c6d02

# <region>/<server_id>/<volume_id>
terraform import 'cloudvolume_huaweicloud_lite_server_attachment.data["5c8f2e10-3b7a-4f0e-9d5c-2a4e8b7c6d02"]' cn-north-4/11d1c3a6-7d2c-4c1e-8c59-6f5b1d6f0a01/5c8f2e10-3b7a-4f0e-9d5c-2a4e8b7c6d02
