"""What a new article begins with, by its kind: the questions patients always ask of such a thing.

Rule: a text in square brackets is to be replaced; an article that still has one is not published
(`proofreading`). Phones and hours come as placeholders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from web.articles.drafts import Draft


@dataclass(frozen=True)
class Kind:
    """`texts` by language."""

    name: str
    topic: str
    texts: dict[str, str]


KINDS: dict[str, Kind] = {
    "hours": Kind(
        "Hours",
        "visiting",
        {
            "en": """\
[Name of the place] is open at these times:

{{clinic.hours}}

## Is it open on holidays?

{{clinic.holidays}}

## What if I need help when it is closed?

Call the nurse line, day or night: {{clinic.nurse_phone}}. If a life may be in danger, call \
{{danger.emergency_phone}}.
""",
            "es": """\
[Nombre del lugar] abre a estas horas:

{{clinic.hours}}

## ¿Abre los días festivos?

{{clinic.holidays}}

## ¿Y si necesito ayuda cuando está cerrado?

Llame a la línea de enfermería, de día o de noche: {{clinic.nurse_phone}}. Si una vida puede estar \
en peligro, llame al {{danger.emergency_phone}}.
""",
        },
    ),
    "billing": Kind(
        "Billing",
        "billing",
        {
            "en": """\
[The answer in one sentence: how much, by when, or how.]

## How much is it?

| What | Price |
|---|---|
| [Service] | [$0] |

## How do I pay?

1. [First step]
2. [Second step]

## Who can I ask about my bill?

Call billing at {{clinic.billing_phone}}. Have your bill at hand.
""",
            "es": """\
[La respuesta en una frase: cuánto, cuándo o cómo.]

## ¿Cuánto cuesta?

| Qué | Precio |
|---|---|
| [Servicio] | [$0] |

## ¿Cómo pago?

1. [Primer paso]
2. [Segundo paso]

## ¿A quién le pregunto sobre mi cuenta?

Llame a facturación al {{clinic.billing_phone}}. Tenga su cuenta a la mano.
""",
        },
    ),
    "preparation": Kind(
        "Getting ready for a visit or test",
        "care",
        {
            "en": """\
[What to do before the test, in one sentence.]

## What do I do the day before?

- [What to eat, drink or leave out. Ask who is in charge of the test.]

## What do I bring?

- Your photo ID and insurance card
- A list of your medicines

## How long does it take?

[About how long, from coming in to going home.]

## What if I cannot come?

Call {{clinic.phone}} as soon as you know.
""",
            "es": """\
[Qué hacer antes del examen, en una frase.]

## ¿Qué hago el día antes?

- [Qué comer, beber o evitar. Pregunte a quien hace el examen.]

## ¿Qué llevo?

- Su identificación con foto y su tarjeta del seguro
- Una lista de sus medicinas

## ¿Cuánto tiempo toma?

[Más o menos cuánto, desde que llega hasta que se va.]

## ¿Y si no puedo venir?

Llame al {{clinic.phone}} en cuanto lo sepa.
""",
        },
    ),
    "directions": Kind(
        "Directions",
        "visiting",
        {
            "en": """\
We are at {{clinic.address}}. [One landmark everybody knows.]

## How do I get there by bus?

[Lines and the stop.]

## Where do I park?

[Where, and what it costs.]

## Which door do I use?

[The door, and the way without steps.]
""",
            "es": """\
Estamos en {{clinic.address}}. [Un lugar cercano que todos conocen.]

## ¿Cómo llego en autobús?

[Rutas y parada.]

## ¿Dónde me estaciono?

[Dónde y cuánto cuesta.]

## ¿Por qué puerta entro?

[La puerta y el camino sin escalones.]
""",
        },
    ),
    "steps": Kind(
        "Something to do, step by step",
        "portal",
        {
            "en": """\
[What this gets you, in one sentence.]

1. [First step]
2. [Second step]
3. [Third step]

## What do I need first?

- [What to have at hand]

## What if it does not work?

Call {{clinic.phone}} and we do it with you.
""",
            "es": """\
[Para qué sirve, en una frase.]

1. [Primer paso]
2. [Segundo paso]
3. [Tercer paso]

## ¿Qué necesito antes?

- [Qué tener a la mano]

## ¿Y si no funciona?

Llame al {{clinic.phone}} y lo hacemos con usted.
""",
        },
    ),
}


def begun(draft: Draft, kind: str, lang: str) -> Draft:
    """Return the draft with the text of its kind; as it is where there is no such kind."""
    found = KINDS.get(kind)
    if found is None:
        return draft
    fields = dict(draft.fields)
    fields["topic"] = fields.get("topic") or found.topic
    return replace(draft, fields=fields, body=found.texts.get(lang, found.texts["en"]))
