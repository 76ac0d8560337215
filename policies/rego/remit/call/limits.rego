package remit.call

import future.keywords.not
import rego.v1

packages contains "call/limits"

# METADATA
# title: A limit of the run is used up
# description: >-
#   With this call the run would exceed what the task type allows it in all, counting calls still under
#   way.
# custom:
#   code: LIMIT_REACHED
#   remedy: Finish with what has been done, or ask the owner of the task type for a higher limit.
#   controls: [ASI02, ASI08, T4, PR.AA-05]
deny contains {"code": "LIMIT_REACHED", "subject": subject, "rule": "call/limits"} if {
	not _all_fit
	some subject in _exceeded
}

_all_fit if {
	every limit in input.limits {
		_fits(limit)
	}
}

_fits(limit) if (limit.used + limit.in_flight) + limit.amount <= limit.max

_exceeded := ids if {
	ids := {object.get(limit, "id", "") | some limit in input.limits; not _fits(limit)}
	count(ids) > 0
} else := {data.remit.lib.tool_name}
