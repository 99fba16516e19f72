terraform {
  required_providers {
    cloudvolume = {
      source = "cloudvolume/cloudvolume"
    }
  }
}

provider "cloudvolume" {
  huaweicloud = {
    region = "cn-north-4"
    # Credentials as for the huaweicloud provider: HW_ACCESS_KEY and HW_SECRET_KEY, or a profile, or an agency of the server.
  }
}
