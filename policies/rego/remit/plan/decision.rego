# METADATA
# title: May the plan change so
# description: >-
#   Whether a run may take these steps from now on. Giving something up is always allowed.
package remit.plan

import future.keywords.not
import rego.v1

packages contains "plan/decision"

# METADATA
# title: The answer
# description: The only thing that the gateway asks for.
# entrypoint: true
decision := data.remit.lib.answer(_said) if _wellformed

decision := data.remit.lib.refusal(data.remit.lib.question_malformed, _evaluated) if not _wellformed

_wellformed if data.remit.lib.wellformed("plan")

_evaluated := packages | data.remit.extension.plan.packages

_said := {
	"deny": (deny | data.remit.extension.plan.deny),
	"hold": (hold | data.remit.extension.plan.hold),
	"allow": allow,
	"obligations": data.remit.extension.plan.obligations,
	"packages": _evaluated,
}
