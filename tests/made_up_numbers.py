"""Numbers and addresses of made-up persons, in sentences as people type them: are they masked?

``python -m tests.made_up_numbers --each 10000`` counts what is missed.
"""

import argparse
import random
import re
import unicodedata
from collections.abc import Callable, Iterator

from dxqa.web.masking import masked

_WIDE = {ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789-()"}
_SENTENCES = (
    "担当は佐藤、{}です。",
    "連絡先({})までお願いします",
    "{}",
    "電話:{}",
    "山田太郎 {} 都城市",
    "昨日{}に聞いた",
    "私のは{}なんだけど",
    "DX推進課→{}",
    "2021年4月に{}へ連絡",
)
_HOSTS = ("city.example.lg.jp", "example.com", "docomo.example.ne.jp", "xn--wgv71a.example")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Person(random.Random):
    """Makes up what points at somebody."""

    def digits(self, count: int) -> str:
        return "".join(self.choices("0123456789", k=count))

    def telephone(self) -> str:
        """A Japanese number: mobile, IP, toll-free, or an area code of two to five digits."""
        area = self.choice("123456789")
        parts = self.choice(
            [
                [self.choice(["090", "080", "070", "050", "020"]), self.digits(4), self.digits(4)],
                ["0120", self.digits(3), self.digits(3)],
                ["0800", self.digits(3), self.digits(4)],
                *(
                    ["0" + area + self.digits(n), self.digits(4 - n), self.digits(4)]
                    for n in range(4)
                ),
            ]
        )
        first, middle, last = parts
        forms = [
            *(sign.join(parts) for sign in ("-", "", " ", "ー", ".")),
            f"{first}({middle}){last}",
            f"({first}){middle}-{last}",
            f"+81-{first[1:]}-{middle}-{last}",
        ]
        return self.widened(self.choice(forms))

    def mail(self) -> str:
        name = "".join(self.choices(_LETTERS, k=self.randint(1, 6)))
        more = "".join(self.choices(_LETTERS + "._+-", k=self.randint(0, 5))).rstrip(".")
        return f"{name}{more}{self.choice('@＠')}{self.choice(_HOSTS)}"

    def personal_number(self) -> str:
        """Twelve digits, as マイナンバー has them."""
        fours = [self.digits(4) for _ in range(3)]
        return self.widened(self.choice(["", "-", " "]).join(fours))

    def postal_code(self) -> str:
        code = self.digits(3) + self.choice(["", "-"]) + self.digits(4)
        return self.choice(["〒", "〒 ", "郵便番号は", "住所:〒", "住所は"]) + self.widened(code)

    def widened(self, text: str) -> str:
        return text.translate(_WIDE) if self.random() < 0.3 else text

    def kinds(self) -> tuple[Callable[[], str], ...]:
        return self.telephone, self.mail, self.personal_number, self.postal_code


def missed(person: Person, make: Callable[[], str], count: int) -> Iterator[str]:
    """Yield what of ``count`` sentences comes through with more than it should."""
    for _ in range(count):
        told = make()
        sentence = person.choice(_SENTENCES).format(told)
        hidden = masked(sentence)
        if make == person.mail:
            shown = unicodedata.normalize("NFKC", told) in hidden or "@" in hidden
        else:
            shown = len(re.sub(r"\D", "", hidden.replace("2021年4月", ""))) > 0
        if shown:
            yield f"{sentence} -> {hidden}"


def main() -> None:
    """Count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=10_000)
    each = parser.parse_args().each
    person = Person(0)
    for make in person.kinds():
        found = list(missed(person, make, each))
        print(f"{make.__name__}: {len(found)} of {each:,} missed", *found[:3], sep="\n  ")  # noqa: T201


if __name__ == "__main__":
    main()
