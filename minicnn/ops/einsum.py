"""Einstein's summation: products and sums of axes, written in letters."""

from __future__ import annotations

import string

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from .convert import in_float32
from .join import promote_dtypes
from .select import keep
from .shape import broadcast_to, reshape

Terms = tuple[str, ...]


class Einsum(Function):
    """Terms of plain letters, one for each axis; an output without repeated letters."""

    def forward(self, *arrays: Array, terms: Terms, output: str) -> Array:
        equation = ",".join(terms) + "->" + output
        y: Array = array_module(arrays[0]).einsum(equation, *arrays, optimize=True)
        return y

    def backward(self, grad: Tensor) -> list[Tensor | None]:
        wanted = enumerate(self.needs_grad)
        return [self._operand_gradient(i, grad) if need else None for i, need in wanted]

    def _operand_gradient(self, i: int, grad: Tensor) -> Tensor:
        """The gradient of operand i: grad and the other operands, summed to its letters."""
        inputs, term = self.options["terms"], self.options["terms"][i]
        others = [j for j in range(len(inputs)) if j != i]
        terms = (self.options["output"], *[inputs[j] for j in others])
        known = "".join(terms)
        # Letters that only operand i has were summed over; the gradient is constant along them.
        letters = "".join(letter for letter in dict.fromkeys(term) if letter in known)
        operands = [grad, *[self.inputs[j] for j in others]]
        y = Einsum.apply(*operands, terms=terms, output=letters)
        lengths = [
            n if letter in letters and term.index(letter) == axis else 1
            for axis, (letter, n) in enumerate(zip(term, self.shapes[i], strict=True))
        ]
        y = broadcast_to(reshape(y, *lengths), self.shapes[i])
        return y if len(set(term)) == len(term) else keep(y, _diagonal(y.data, term))


def _diagonal(x: Array, term: str) -> Array:
    """Whether the indices of an element agree along all axes of the same letter."""
    xp = array_module(x)
    mask = xp.ones(x.shape, bool)
    for axis, letter in enumerate(term):
        a, b = (xp.arange(x.shape[axis]).reshape(-1, *[1] * (x.ndim - 1 - k))
                for k in (axis, term.index(letter)))  # fmt: skip
        mask &= a == b
    return mask


_einsum = in_float32(Einsum.apply)


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Multiply the operands and sum over every letter that is not in the output.

    ``einsum("ij,jk->ik", a, b)`` is a @ b: y[i, k] = sum over j of a[i, j] · b[j, k]. A letter
    names an axis and has one length everywhere; twice in one term it means the diagonal
    (``"ii->"`` is the trace). ``...`` stands for further axes, which broadcast. Without ``->`` the
    output has ``...`` and the letters that occur once, sorted; an output that leaves ``...`` out
    sums over it. Dtypes are promoted as in ``concatenate``.

    Raises TypeError for operands that are not Tensors, and ValueError for an equation that cannot
    be read, does not fit the operands, or gives one letter two lengths.

    >>> mc.ops.einsum("ij,jk->ik", mc.tensor([[1.0, 2.0]]), mc.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    terms, output = _parse(equation)
    if len(terms) != len(operands):
        raise ValueError(
            f"einsum: {equation!r} has {len(terms)} terms, got {len(operands)} operands"
        )
    tensors = promote_dtypes("einsum", operands, "operands")
    _check_lengths(equation, terms, tensors)
    tensors, terms, dots = _name_dots(equation, terms, tensors)
    return _einsum(*tensors, terms=terms, output=output.replace("...", dots))


def _parse(equation: str) -> tuple[Terms, str]:
    """The terms of the operands and of the output, without spaces."""
    if not isinstance(equation, str):
        kind = type(equation).__name__
        raise TypeError(f'einsum: equation is a {kind}, expected a string such as "ij,jk->ik"')
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = tuple(left.split(","))
    for term in (*terms, output):
        letters = term.replace("...", "", 1)
        if any(letter not in string.ascii_letters for letter in letters):
            raise ValueError(
                f"einsum: {equation!r} has the term {term!r}, "
                'expected letters and at most one "..."'
            )
    letters = "".join(terms).replace(".", "")
    if not arrow:
        dots = "..." if "." in left else ""
        return terms, dots + "".join(sorted(a for a in letters if letters.count(a) == 1))
    for letter in output.replace(".", ""):
        if letter not in letters:
            raise ValueError(f"einsum: output letter {letter!r} of {equation!r} is in no operand")
        if output.count(letter) > 1:
            raise ValueError(f"einsum: output letter {letter!r} of {equation!r} occurs twice")
    return terms, output


def _check_lengths(equation: str, terms: Terms, tensors: list[Tensor]) -> None:
    """Raise ValueError unless each term names the axes of its operand, and each letter one length.

    The axes under "..." are checked by _name_dots.
    """
    seen: dict[str, tuple[int, int]] = {}  # letter -> (its length, the operand it is from)
    for i, (term, t) in enumerate(zip(terms, tensors, strict=True)):
        left, dots, right = term.partition("...")
        named = len(left) + len(right)
        if t.ndim < named or (t.ndim > named and not dots):
            raise ValueError(
                f"einsum: operand {i} has shape {t.shape} with {t.ndim} axes, "
                f"but its term {term!r} in {equation!r} names {named}"
            )
        lengths = (*t.shape[: len(left)], *t.shape[t.ndim - len(right) :])
        for letter, n in zip(left + right, lengths, strict=True):
            expected, j = seen.setdefault(letter, (n, i))
            if n != expected:
                raise ValueError(
                    f"einsum: letter {letter!r} in {equation!r} is {n} in operand {i} of shape "
                    f"{t.shape}, but {expected} in operand {j} of shape {tensors[j].shape}"
                )


def _name_dots(
    equation: str, terms: Terms, tensors: list[Tensor]
) -> tuple[list[Tensor], Terms, str]:
    """Tensors, terms that name the axes under "..." by letters of their own, and these letters.

    The axes are counted from the right; an axis to be repeated (length 1 where others have more) is
    dropped.
    """
    hidden = [_lengths_under_dots(term, t) for term, t in zip(terms, tensors, strict=True)]
    count = max(len(lengths) for lengths in hidden)
    free = [letter for letter in string.ascii_letters if letter not in equation]
    if count > len(free):
        raise ValueError(f"einsum: {equation!r} needs more than {len(string.ascii_letters)} axes")
    dots = "".join(free[:count])
    full = [1] * count
    for i, lengths in enumerate(hidden):
        for k, n in enumerate(lengths, count - len(lengths)):
            if n != 1 != full[k] != n:
                raise ValueError(
                    f'einsum: the axes under "..." in {equation!r} do not broadcast: '
                    f"operand {i} of shape {tensors[i].shape} has {n}, another {full[k]}"
                )
            full[k] = full[k] if n == 1 else n
    named = []
    shortened = []
    for term, t, lengths in zip(terms, tensors, hidden, strict=True):
        first = count - len(lengths)
        own = "".join(dots[k] for k, n in enumerate(lengths, first) if n == full[k])
        position = term.find("...")
        repeated = {position + k for k, n in enumerate(lengths) if n != full[first + k]}
        shape = [n for axis, n in enumerate(t.shape) if axis not in repeated]
        shortened.append(reshape(t, *shape) if repeated else t)
        named.append(term.replace("...", own))
    return shortened, tuple(named), dots


def _lengths_under_dots(term: str, t: Tensor) -> tuple[int, ...]:
    """The lengths of the axes that "..." stands for."""
    left, dots, right = term.partition("...")
    return t.shape[len(left) : t.ndim - len(right)] if dots else ()
