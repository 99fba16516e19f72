#!/bin/sh
# A CI job: applies and destroys main.tf against the simulator, with the faults of config.json, and checks what the
# cloud was asked for. Needs cloudvolume-simulator, terraform (or TF_CLI=tofu) and curl.
set -eu
cd "$(dirname "$0")"

export HW_REGION_NAME=cn-north-4
export HW_ACCESS_KEY=SIMULATORACCESSKEY01
export HW_SECRET_KEY=simulator-secret-key-0000000000000000001
terraform=${TF_CLI:-terraform}
control=http://127.0.0.1:8180/_simulator

cloudvolume-simulator --config config.json --world world.json &
simulator=$!
trap 'kill "$simulator"' EXIT
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 "$control/health" >/dev/null

"$terraform" init -input=false
"$terraform" apply -input=false -auto-approve
"$terraform" plan -input=false -detailed-exitcode
"$terraform" destroy -input=false -auto-approve

# The first answer was lost, and still the volume was attached by one call.
attaches=$(curl --silent "$control/journal" | grep -o '"operation":"AttachServerVolume"' | wc -l)
if [ "$attaches" -ne 1 ]; then
  echo "expected 1 attach, the cloud saw $attaches" >&2
  exit 1
fi
