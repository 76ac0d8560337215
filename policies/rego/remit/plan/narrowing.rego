package remit.plan

import rego.v1

packages contains "plan/narrowing"

# METADATA
# title: The plan only gets narrower
# description: >-
#   The change gives steps up or bounds them closer. That needs nobody's leave, even when the task type
#   has lapsed.
# custom:
#   code: PLAN_NARROWED
#   remedy: Nothing needs to be done.
#   controls: [NHI5:2025, ASI01, PR.AA-05]
allow contains {"code": "PLAN_NARROWED", "subject": data.remit.lib.template_id, "rule": "plan/narrowing"} if {
	input.plan.grown == []
	input.plan.diff.added == []
	input.plan.diff.widened == []
}
