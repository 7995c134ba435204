"""Which tests ``-m "not slow"`` leaves out, so that the rest takes less than a minute.

Each of them takes a second or more, because it trains a network, starts other programs, or draws
thousands of examples; or it needs PyTorch, which takes seconds to import. Quicker tests touch the
same code. tests/test_slow.py checks the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

SLOW = {
    "tests/autograd/test_graph_memory.py": [
        "test_long_chains",
        "test_a_long_chain_that_keeps_its_inputs",
    ],
    "tests/backend/test_fake_gpu.py": ["test_a_training_on_a_gpu"],
    "tests/backend/test_launch.py": [
        "test_large_arrays_take_wide_indices_and_several_turns_of_a_thread",
    ],
    "tests/cli/test_train.py": [
        "test_a_closed_pipe_ends_quietly",
        "test_divergence_ends_with_one_clear_line_and_saves_nothing",
        "test_every_model_takes_images_of_any_size",
    ],
    "tests/cli/test_trained.py": [
        "test_a_training_goes_on_where_it_stopped",
        "test_mistakes_are_drawn",
        "test_mistakes_with_the_names_of_classes",
    ],
    "tests/data/test_catalog.py": ["test_real_mnist"],
    "tests/explain/test_explain.py": ["test_every_picture_can_be_drawn"],
    "tests/models/test_alexnet2012.py": [
        "test_alexnet_layer_by_layer",
        "test_scaled_alexnet_learns_200_digits",
        "test_torchvisions_names_and_shapes",
    ],
    "tests/models/test_lenet1998.py": [
        "test_learns_the_digits_by_diagonal_levenberg_marquardt",
        "test_loss_falls_on_200_digits",
    ],
    "tests/models/test_models.py": ["test_a_network_learns_32_images_by_heart"],
    "tests/optim/test_diagonal_lm.py": [
        "test_estimate_is_the_exact_diagonal_in_expectation",
    ],
    "tests/test_benchmarks.py": [
        "test_a_quick_run",
        "test_a_quick_run_keeps_nothing",
        "test_options",
    ],
    "tests/test_docs.py": [
        "test_the_programs_run",
        "test_the_first_network",
        "test_the_explained_numbers",
        "test_the_pictures",
        "test_the_program_for_another_device",
        "test_the_gradients",
    ],
    "tests/test_readme.py": ["test_examples"],
    "tests/testing/test_strategies.py": [
        "test_every_padding_form_occurs",
        "test_every_kind_of_convolution_occurs",
        "test_every_memory_order_occurs",
    ],
    "tests/train/test_recipes.py": ["test_every_recipe_learns"],
    "tests/train/test_regularised.py": ["test_the_loss_falls_and_evaluation_is_repeatable"],
    "tests/train/test_resume.py": [
        "test_from_every_batch_and_every_epoch",
        "test_killed_at_random_moments",
        "test_killed_in_the_middle_of_a_write",
    ],
    "tests/viz/test_architecture.py": ["test_no_texts_or_blocks_overlap"],
    "tests/viz/test_image_grids.py": ["test_pyplot_stays_unimported"],
    "tests/viz/test_layer_health.py": ["test_panels_of_every_network"],
}

# The emulator runs these thread by thread; test_forward runs every op there.
SLOW_ON_THE_EMULATOR = {
    "tests/ops/test_every_op.py": ["test_gradients", "test_gradients_are_where_the_inputs_are"],
    "tests/optim/test_formulas.py": [
        "test_twenty_steps_are_the_formula",
        "test_float32_parameters_stay_float32_whatever_the_options_are",
    ],
}


def is_slow(item: Any) -> bool:
    """Whether a test, as pytest collected it, is a notebook, needs PyTorch, or is in a table."""
    if item.path.suffix == ".ipynb" or "torch" in getattr(item, "fixturenames", ()):
        return True
    if item.get_closest_marker("torch"):
        return True
    path = item.path.relative_to(ROOT).as_posix()
    function = getattr(item, "originalname", item.name)
    if function in SLOW.get(path, ()):
        return True
    device = item.callspec.params.get("device") if hasattr(item, "callspec") else None
    return device == "emulator" and function in SLOW_ON_THE_EMULATOR.get(path, ())
