"""The messages of istioctl that `analyze` does not give, each with the reason. All others it gives."""

from __future__ import annotations

from collections.abc import Mapping

NO_CLUSTER = "it is about a Kubernetes cluster and its installation, and there is none"
NO_INJECTOR = "it is about what the injection webhook puts into Pods; here the proxy runs beside the workload"
NO_CRDS = "it is about the Gateway API's CRDs in a cluster; the kinds that are read are part of the program"

NOT_GIVEN: Mapping[str, str] = {
    "IST0001": "an analyser that fails is a defect of ours and ends with a traceback",
    "IST0103": NO_INJECTOR,
    "IST0136": "istioctl leaves it out of its own analysis: nearly every annotation is in alpha",
    "IST0139": NO_INJECTOR,
    "IST0141": NO_CLUSTER,
    "IST0142": NO_CLUSTER,
    "IST0143": "istioctl no longer gives it; it took a look into running Pods",
    "IST0144": "capture leaves Envoy's own traffic out by a socket mark, so no user is reserved",
    "IST0146": NO_INJECTOR,
    "IST0147": NO_INJECTOR,
    "IST0148": NO_INJECTOR,
    "IST0156": NO_CRDS,
    "IST0158": NO_INJECTOR,
    "IST0163": NO_CLUSTER,
    "IST0164": NO_CLUSTER,
    "IST0167": "istioctl gives it for Sidecars in ambient namespaces only, and ambient mesh is not offered",
    "IST0168": NO_CLUSTER,
    "IST0169": NO_CLUSTER,
    "IST0170": "there is one cluster only",
    "IST0172": NO_CRDS,
    "IST0175": "it is about the environment of istiod's Deployment",
    "IST0176": NO_CRDS,
}
"""istioctl's code → why it is not given."""
