package remit.run

import future.keywords.not
import rego.v1

packages contains "run/entitlement"

# METADATA
# title: The run may begin
# description: The task type is registered and current, and lists this agent and this user.
# custom:
#   code: RUN_ADMITTED
#   remedy: Nothing needs to be done.
#   controls: [NHI5:2025, ASI01, PR.AA-05]
allow contains {"code": "RUN_ADMITTED", "subject": data.remit.lib.template_id, "rule": "run/entitlement"} if {
	data.remit.lib.entitled
	_opener_fits
}

# METADATA
# title: Task type, agent and user must fit each other
# description: The findings name what does not hold.
deny contains finding if some finding in data.remit.lib.unentitled

# METADATA
# title: The opener may not open this run
# description: An agent opens runs for itself only, and a user only on their own behalf.
# custom:
#   code: OPENER_NOT_ENTITLED
#   remedy: Let the agent or the user open the run themselves, or use a registered orchestrator.
#   controls: [NHI9:2025, ASI03, T9, PR.AA-05]
deny contains {"code": "OPENER_NOT_ENTITLED", "subject": _opener_id, "rule": "run/entitlement"} if {
	not _opener_fits
}

_opener_id := object.get(input, ["principal", "opener", "id"], "")

_opener_fits if input.principal.opener.kind == "orchestrator"

_opener_fits if {
	input.principal.opener.kind == "agent"
	input.principal.opener.id == input.principal.agent.id
}

_opener_fits if {
	input.principal.opener.kind == "user"
	input.principal.opener.id == input.principal.user.id
}
