"""labgrid reads its exporter and environment files: run by a Python that has labgrid, in a folder with both files.

Prints JSON: the group and class of each resource that labgrid's own factory made, and each target's drivers it knows.
"""

import json

from labgrid import Environment, Target
from labgrid.factory import target_factory
from labgrid.remote.config import ResourceConfig

resources = {}
for group, content in ResourceConfig("exporter.yaml", {}).data.items():
    for name, fields in content.items():
        if isinstance(fields, dict):
            kind = fields.pop("cls", name)
            made = target_factory.make_resource(Target(group), kind, None, fields)
            resources[group] = type(made).__name__
targets = {}
for name, content in Environment("env.yaml").config.get_targets().items():
    for driver in content["drivers"]:
        assert driver in target_factory.drivers, driver
    targets[name] = [sorted(content["drivers"]), content["resources"]["RemotePlace"]["name"]]
print(json.dumps({"resources": resources, "targets": targets}))
