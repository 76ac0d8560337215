package remit.call

import rego.v1

packages contains "call/entitlement"

# METADATA
# title: Task type, agent and user must still fit each other
# description: Asked at every call, so that what was withdrawn since the run began stops here.
deny contains finding if some finding in data.remit.lib.unentitled
