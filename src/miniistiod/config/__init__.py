"""Text → typed objects and diagnostics; knows every place of a mistake and nothing of a mesh.

    store = of_text(yaml)                          # or loaded({path: text, ...})
    store.of(VirtualService)                       # tuple[Object[VirtualService], ...], older first
    store.mesh_config, store.mesh_networks         # defaults and all layers merged
    store.with_file(path, text)                    # a new Store; what did not change keeps its identity
    store.diagnostics                              # tuple[Diagnostic, ...]: file, line, column, path, remedy
    store.place(object, "spec.http[0].timeout")    # where a field stands now: file:line:column

Files themselves are read by `server.files`.
"""

from miniistiod.config.diagnostics import Diagnostic, Level
from miniistiod.config.objects import AnyObject, Object, Origin
from miniistiod.config.store import Place, Store, loaded, of_text

__all__ = ["AnyObject", "Diagnostic", "Level", "Object", "Origin", "Place", "Store", "loaded", "of_text"]
