#!/usr/bin/env bash
# Runs examples/quickstart on the simulator with the Terraform or OpenTofu CLI that is installed, and shows next to each
# other what the clouds did and what Terraform waited. Works in a temporary folder and leaves nothing behind.
# Usage: TF_CLI=… demo.sh <folder of the binaries> <version>
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
binaries=$(cd "$1" && pwd)
version=$2
work=$(mktemp -d)
simulator=

leave() {
  if [ -n "$simulator" ]; then
    kill "$simulator" 2>/dev/null || true
    wait "$simulator" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

# Only what is set here reaches Terraform and the provider: neither a real account's keys nor a CLI configuration.
for name in $(compgen -e | grep -E '^(HW_|OS_|SCP_|TF_)' | grep -v '^TF_CLI$'); do unset "$name"; done
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_CLI_CONFIG_FILE=$work/cli.tfrc

bold='' plain='' colour=-no-color
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m' colour=; fi
section() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

# The simulator, on ports that the system picks. It prints the URL of Huawei Cloud first and that of Samsung's next.
"$binaries/cloudvolume-simulator" --huaweicloud-address 127.0.0.1:0 --samsungcloud-address 127.0.0.1:0 \
  >"$work/simulator.txt" 2>&1 &
simulator=$!
until samsungcloud=$(grep -o -m 1 'http://127\.0\.0\.1:[0-9]*/v1' "$work/simulator.txt"); do
  kill -0 "$simulator" 2>/dev/null || { cat "$work/simulator.txt" >&2; exit 1; }
  sleep 0.1
done
url=$(grep -o -m 1 'http://127\.0\.0\.1:[0-9]*' "$work/simulator.txt")
ask() { # What the simulator tells about itself; bash can ask without any tool.
  local port=${url##*:}
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /_simulator/%s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$1" >&3
  tr -d '\r' <&3 | sed '1,/^$/d'
  exec 3>&-
}

# The provider, found by `init` as a released one would be.
"$root/scripts/mirror.sh" "$binaries/terraform-provider-cloudvolume" "$version" "$work/mirror"
printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$work/mirror" >"$TF_CLI_CONFIG_FILE"
cp -R "$root/examples/quickstart" "$work/quickstart"
cd "$work/quickstart"
export HW_ACCESS_KEY=SIMULATORACCESSKEY01 HW_SECRET_KEY=simulator-secret-key-0000000000000000001
export TF_VAR_huaweicloud_endpoint=$url SCP_TF_AUTH_URL=$samsungcloud
export SCP_TF_ACCESS_KEY=SIMULATORSCPACCESSKEY0000000001 SCP_TF_SECRET_KEY=simulator-scp-secret-key-0000-000000000001

TIMEFORMAT=%R
waited() { # Runs a command of Terraform's and leaves its seconds in the file named first.
  local file=$1
  shift
  section "\$ $(basename "$TF_CLI") $*"
  { time "$TF_CLI" "$1" -input=false $colour "${@:2}" 2>&4; } 4>&2 2>"$work/$file"
}

waited init.seconds init
waited plan.seconds plan -out=quickstart.tfplan
waited apply.seconds apply quickstart.tfplan
waited again.seconds plan
waited destroy.seconds destroy -auto-approve

section "What the clouds saw"
ask journal >"$work/journal.json"
ask jobs >"$work/jobs.json"
ask operations >"$work/operations.json"
cp "$root/scripts/demo-report.tftpl" "$work/report.tftpl"
mkdir "$work/report" && cd "$work/report"
# The CLI reads the JSON, so that the demo needs no tool besides it.
printf 'templatefile("%s/report.tftpl", { journal = jsondecode(file("%s/journal.json")), jobs = concat(jsondecode(file("%s/jobs.json")).jobs, jsondecode(file("%s/operations.json")).operations), apply = %s, destroy = %s })\n' \
  "$work" "$work" "$work" "$work" "$(cat "$work/apply.seconds")" "$(cat "$work/destroy.seconds")" |
  "$TF_CLI" console | sed -e '/^<<-*EOT$/d' -e '/^EOT$/d'
