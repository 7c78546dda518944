"""The README beside an export: how to load it and how to serve it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_PAGE = """\
# {model} of {data}, as a TensorFlow SavedModel

`1/` is the SavedModel, `model_card.md` says what it is and how good, `export.json` has signatures and
versions. {proof}

```python
{imports}

model = tf.saved_model.load("1")
answer = model.signatures["serving_default"](
    user_id=tf.constant([{user!r}]), history=tf.constant([{history!r}])
)
print(answer["item_ids"], answer["scores"])
```

A history is oldest first; histories of several users are filled up with `""` to one length. Users and items
that training has not seen may be in a request: the user is then answered from the history, and the item is
passed over. `with_ratings` takes `ratings` too, one for each place of the history; `serving_default` takes
every item as liked. Where candidates run out, the missing items have the id `""`.

TensorFlow Serving, from this folder:

```
docker run --rm -p 8501:8501 -v "$PWD:/models/{model}" -e MODEL_NAME={model} {image}
curl -d '{request}' \\
  http://localhost:8501/v1/models/{model}:predict
```
"""
_SCANN = "from scann.scann_ops.py import scann_ops  # ScaNN's operations, before the model loads"


def export_readme(about: dict[str, Any], user_id: str, history: Sequence[str]) -> str:
    """Returns the page.

    Args:
      about: the export's own description, as in its `export.json`.
      user_id: a user of the log, for the example.
      history: raw ids of some items, for the example.
    """
    scann, proof = about["form"]["index"] == "scann", about["compared_with_the_model"]
    asked = f"{proof['users']:,} users of the test"
    return _PAGE.format(
        model=about["model"],
        data=about["data"]["name"],
        imports="import tensorflow as tf" + (f"\n{_SCANN}" if scann else ""),
        proof=(
            f"For {asked} it found {proof['recall']:.1%} of what exact search finds."
            if scann
            else f"To {asked} it gave the lists that the model gives."
        ),
        user=user_id,
        history=list(history),
        image="google/tf-serving-scann" if scann else "tensorflow/serving",
        request=json.dumps({"instances": [{"user_id": user_id, "history": list(history)}]}).replace(
            "'", "\\u0027"
        ),
    )
