"""A LoRA adapter serves in llama.cpp as it does in transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.code.extract import extract_program
from codedpo.llms import Request, Sampling
from codedpo.models import default_cache, locate
from codedpo.prompting import solution_prompt

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(900)]


def test_a_trained_adapter_answers_alike_in_both_engines(tmp_path: Path) -> None:
    from peft import PeftModel

    from codedpo.llms.llamacpp import LlamaCpp
    from codedpo.llms.loading import load_tokenizer, load_weights
    from codedpo.train.adapter import write_gguf_adapter

    model = locate("smollm2-135m", default_cache())
    settings = make_settings(lora_rank=16, batch_size=2, epochs=2)
    run_job(make_job(settings, model.path, [make_pair(n) for n in range(1, 7)], tmp_path / "out"))
    trained = tmp_path / "out" / "final"
    adapter = write_gguf_adapter(trained, model, tmp_path / "adapter.gguf")
    messages = solution_prompt("Add 50.", "def add(a: int) -> int:")
    request = Request(messages, Sampling(temperature=0, max_tokens=40), seed=0)
    served: list[str] = []
    for place in (None, adapter):
        with LlamaCpp(model="smollm2-135m").open(cache=default_cache(), log=tmp_path / "log", adapter=place) as llm:
            served.append(llm.generate([request], lambda *_: None)[0][0].text)
    tokenizer, weights = load_tokenizer(model), load_weights(model)
    prompt = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    local: list[str] = []
    for place in (None, trained):
        network = weights if place is None else PeftModel.from_pretrained(weights, place)  # changes `weights` in place
        output = network.generate(**prompt, do_sample=False, max_new_tokens=40)
        local.append(tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))
    # The programs, not the prose after them: llama.cpp rounds activations to 8 bits, so near-ties may fall otherwise.
    programs = [[extract_program(text, "add") for text in texts] for texts in (served, local)]
    assert programs[0] == programs[1]
    assert None not in programs[0]
    assert programs[0][0] != programs[0][1]
