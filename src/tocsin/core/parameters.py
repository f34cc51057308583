"""Parameters by signature, as scikit-learn has them.

scikit-learn's own base class costs more than a second of import for three small methods; these answer to
`sklearn.base.clone` and to grid searches in the same way.
"""

from __future__ import annotations

import inspect
from typing import Any, Self


class Parameters:
    """Stores constructor arguments under their own names and gives them back."""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names of the constructor's parameters, in order."""
        found = inspect.signature(cls.__init__).parameters.values()
        return [
            p.name for p in found if p.name != "self" and p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL
        ]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, those of parameters that have some, too, as ``outer__inner``."""
        found: dict[str, Any] = {}
        for name in self.parameter_names():
            value = getattr(self, name)
            found[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{k}": v for k, v in value.get_params().items()}
        return found

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        InputError
            If a name is unknown; the nearest ones are given.
        """
        from tocsin.core.errors import InputError
        from tocsin.core.registry import nearest

        known = self.parameter_names()
        for name, value in parameters.items():
            outer, _, inner = name.partition("__")
            if outer not in known:
                raise InputError(f"{type(self).__name__} has no parameter {outer!r}{nearest(outer, known)}")
            if inner:
                holder = getattr(self, outer)
                if not hasattr(holder, "set_params"):
                    raise InputError(
                        f"{outer} of {type(self).__name__} is {holder!r}, which has no parameters of its own"
                    )
                holder.set_params(**{inner: value})
            else:
                setattr(self, outer, value)
        return self

    def clone(self) -> Self:
        """Return an unfitted copy with equal parameters."""
        from copy import deepcopy

        copied = {
            k: v.clone() if isinstance(v, Parameters) else deepcopy(v) for k, v in self.get_params(deep=False).items()
        }
        return type(self)(**copied)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = []
        for name in self.parameter_names():
            value = getattr(self, name, None)
            default = defaults[name].default
            if default is inspect.Parameter.empty or repr(value) != repr(default):
                changed.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(changed)})"
