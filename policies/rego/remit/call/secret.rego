package remit.call

import future.keywords.not
import rego.v1

packages contains "call/secret"

# METADATA
# title: The tool's password or key is too old
# description: The tool is reached with a fixed secret that should have been replaced by now.
# custom:
#   code: SECRET_TOO_OLD
#   remedy: Ask the tool's owner to replace the secret and record the day.
#   controls: [NHI7:2025, ASI03, PR.AA-01]
deny contains {"code": "SECRET_TOO_OLD", "subject": data.remit.lib.tool_name, "rule": "call/secret"} if {
	not _fresh_enough
}

_fresh_enough if input.tool.secret == null

_fresh_enough if input.tool.secret.age_days <= data.remit.settings.max_secret_age_days
