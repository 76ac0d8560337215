package remit.call

import future.keywords.not
import rego.v1

packages contains "call/environment"

# METADATA
# title: The tool belongs to another environment
# description: A run in one environment, such as test, may not reach a tool of another, such as production.
# custom:
#   code: ENVIRONMENT_MISMATCH
#   remedy: Use the tool of this environment, or start the run in the other one.
#   controls: [NHI8:2025, ASI03, PR.AA-05]
deny contains {"code": "ENVIRONMENT_MISMATCH", "subject": data.remit.lib.tool_name, "rule": "call/environment"} if {
	not _same_environment
}

_same_environment if input.tool.environment == input.environment
