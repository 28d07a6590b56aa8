"""Card numbers for the cases: the published test numbers, and fresh ones that satisfy Luhn."""

PUBLISHED = {
    "visa": "4111111111111111",
    "mastercard": "5555555555554444",
    "mastercard2": "2223003122003222",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "30569309025904",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
}

# Prefixes that are one brand's alone: a few BINs of Elo begin with 4, too.
_SHAPES = {"visa": ("44", 16), "mastercard": ("52", 16), "amex": ("37", 15), "discover": ("6011", 16),
           "diners": ("36", 14), "jcb": ("3530", 16)}


def check_digit(digits):
    total = 0
    for i, c in enumerate(reversed(digits)):
        d = int(c)
        if i % 2 == 0:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
    return str(-total % 10)


def luhn(number):
    return check_digit(number[:-1]) == number[-1]


def generate(rng, brand="visa"):
    """A number of this brand that satisfies Luhn, with random digits."""
    prefix, length = _SHAPES[brand]
    body = prefix + "".join(rng.choice("0123456789") for _ in range(length - 1 - len(prefix)))
    return body + check_digit(body)


def mistype(number):
    """The same number with one digit changed, so that Luhn fails."""
    at = len(number) // 2
    return number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1:]


def grouped(number, separator):
    return separator.join(number[i:i + 4] for i in range(0, len(number), 4))


# How digits may stand on the wire: a name for each form, and what one digit becomes.
FORMS = {
    "plain": lambda c: c,
    "json": lambda c: "\\u%04x" % ord(c),
    "json_upper": lambda c: "\\u%04X" % ord(c),
    "percent": lambda c: "%%%02x" % ord(c),
    "percent_upper": lambda c: "%%%02X" % ord(c),
}


def written(text, form):
    return "".join(FORMS[form](c) for c in text)


def read_back(wire, form):
    """The characters that `wire` (all of it in one form) stands for."""
    if form == "plain":
        return wire
    if form.startswith("json"):
        units = [wire[i:i + 6] for i in range(0, len(wire), 6)]
        assert all(u.startswith("\\u") for u in units), "not in the form it came in: %r" % wire
        return "".join(chr(int(u[2:], 16)) for u in units)
    units = [wire[i:i + 3] for i in range(0, len(wire), 3)]
    assert all(u.startswith("%") for u in units), "not in the form it came in: %r" % wire
    return "".join(chr(int(u[1:], 16)) for u in units)
