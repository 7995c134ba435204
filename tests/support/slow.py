"""Which tests ``-m "not slow"`` leaves out, so that the rest takes about two minutes on two cores.

They train networks, start other programs or a browser, draw figures or thousands of examples, or
need PyTorch, which takes seconds to import. On the emulator the rest is tests/backend and one pass
over every op. Quicker tests touch the same code. tests/test_slow.py checks the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

SLOW = {
    "tests/autograd/test_graph_memory.py": [
        "test_a_long_chain_that_keeps_its_inputs",
        "test_long_chains",
    ],
    "tests/backend/test_fake_gpu.py": [
        "test_a_training_on_a_gpu",
    ],
    "tests/backend/test_gpu_steps.py": ["test_operations_of_a_step_of_lenet5"],
    "tests/backend/test_launch.py": [
        "test_a_cache_directory_that_cannot_be_written",
        "test_an_index_outside_is_reported_between_barriers_too",
        "test_kernels_are_kept_in_the_cache_directory",
        "test_large_arrays_take_wide_indices_and_several_turns_of_a_thread",
        "test_the_kernels_can_be_compiled_for_a_debugger",
        "test_threads_of_a_block_share_memory_and_meet",
    ],
    "tests/cli/test_about.py": [
        "test_summary_is_the_table",
        "test_summary_prints_in_any_encoding",
        "test_version_help_and_the_module",
    ],
    "tests/cli/test_pictures.py": [
        "test_the_whole_way_from_a_folder_to_an_answer",
        "test_training_and_evaluating",
    ],
    "tests/cli/test_show.py": ["test_what_cannot_be_shown"],
    "tests/cli/test_streams.py": [
        "test_a_home_folder_that_does_not_exist",
        "test_a_message_that_cannot_be_written_does_not_change_the_status",
        "test_every_command_under_every_condition",
        "test_names_that_the_terminal_cannot_show",
        "test_no_home_folder",
        "test_what_is_printed_never_gets_into_a_file",
    ],
    "tests/cli/test_train.py": [
        "test_check_gives_the_same_training",
        "test_check_looks_for_mistakes_first",
        "test_ctrl_c_in_a_process_of_its_own",
        "test_divergence_ends_with_one_clear_line_and_saves_nothing",
        "test_every_model_takes_images_of_any_size",
        "test_the_environment_names_the_device",
        "test_the_weights_have_the_printed_accuracy",
    ],
    "tests/cli/test_trained.py": [
        "test_a_training_continues_where_it_stopped",
        "test_resuming_takes_the_same_options",
        "test_evaluate_prints_accuracy_and_confusion",
        "test_evaluate_without_mistakes_needs_no_matplotlib",
        "test_mistakes_are_drawn",
        "test_mistakes_with_the_names_of_classes",
        "test_predict_names_the_three_likeliest",
    ],
    "tests/data/test_catalog.py": [
        "test_real_mnist",
    ],
    "tests/data/test_idx.py": [
        "test_a_gzip_bomb_is_not_unpacked",
    ],
    "tests/data/test_mirrors.py": [
        "test_when_all_are_bad_each_reason_is_told_and_the_digits_are_used",
    ],
    "tests/data/transforms/test_augment.py": [
        "test_lighting_finds_the_principal_components",
    ],
    "tests/explain/test_explain.py": [
        "test_every_picture_can_be_drawn",
    ],
    "tests/models/test_alexnet_2012.py": [
        "test_alexnet_has_the_papers_dropout_pooling_and_groups",
        "test_alexnet_layer_by_layer",
        "test_alexnet_starts_as_in_the_paper",
        "test_response_normalisation_is_the_papers_formula",
        "test_scaled_alexnet_learns_200_digits",
        "test_torchvisions_names_and_shapes",
    ],
    "tests/models/test_lenet_1998.py": [
        "test_learns_the_digits_by_diagonal_levenberg_marquardt",
        "test_loss_falls_on_200_digits",
    ],
    "tests/models/test_models.py": [
        "test_a_network_learns_32_images_by_heart",
    ],
    "tests/models/test_own_digits.py": ["test_digits_of_every_kind"],
    "tests/ops/test_complete.py": ["test_nothing_is_listed_that_does_not_exist"],
    "tests/ops/test_every_op.py": [
        "test_gradients_are_where_the_inputs_are",
    ],
    "tests/ops/test_region_pool.py": [
        "test_a_single_pixel_fills_any_size",
    ],
    "tests/optim/test_diagonal_lm.py": [
        "test_estimate_is_the_exact_diagonal_in_expectation",
    ],
    "tests/optim/test_formulas.py": ["test_all_reach_the_bottom_of_a_bowl"],
    "tests/parallel/test_group.py": ["test_the_launcher_of_another_mpi"],
    "tests/parallel/test_processes.py": [
        "test_a_process_that_is_killed_or_interrupted",
        "test_a_process_that_waits_for_one_that_has_ended",
        "test_a_program_in_several_processes",
        "test_an_error_in_one_process_ends_all",
        "test_bad_input_is_told_once",
        "test_many_processes_follow_one",
        "test_one_process_stops_all",
        "test_other_commands_do_their_work_once",
        "test_the_command",
        "test_the_same_number_of_processes_gives_the_same_bits",
    ],
    "tests/test_benchmarks.py": [
        "test_a_quick_run",
        "test_a_quick_run_keeps_nothing",
        "test_options",
    ],
    "tests/test_docs.py": [
        "test_the_explained_numbers",
        "test_the_first_network",
        "test_the_gradients",
        "test_the_pictures",
        "test_the_program_for_another_device",
        "test_the_programs_run",
    ],
    "tests/test_docstrings.py": [
        "test_the_example",
    ],
    "tests/test_readme.py": [
        "test_examples",
    ],
    "tests/test_slow.py": ["test_pytest_runs_without_plugins"],
    "tests/test_stress.py": ["test_no_fault"],
    "tests/testing/test_strategies.py": [
        "test_every_kind_of_convolution_occurs",
        "test_every_memory_order_occurs",
        "test_every_padding_form_occurs",
    ],
    "tests/train/test_callbacks.py": [
        "test_an_error_on_a_terminal_leaves_no_half_bar_before_it",
        "test_on_a_terminal_a_bar_moves_and_vanishes",
    ],
    "tests/train/test_fit.py": [
        "test_the_same_seed_gives_the_same_weights_bit_by_bit_in_any_process",
    ],
    "tests/train/test_lying_checkpoint.py": ["test_every_value_replaced_or_deleted"],
    "tests/train/test_recipes.py": [
        "test_every_recipe_learns",
    ],
    "tests/train/test_regularised.py": [
        "test_the_loss_falls_and_evaluation_is_repeatable",
    ],
    "tests/train/test_resume.py": [
        "test_from_every_batch_and_every_epoch",
        "test_killed_in_the_middle_of_a_write",
    ],
    "tests/viz/test_architecture.py": [
        "test_alexnet_has_its_eight_layers_and_three_pools",
        "test_lenet5",
        "test_no_texts_or_blocks_overlap",
        "test_the_lenet5_of_1998",
    ],
    "tests/viz/test_attribution.py": [
        "test_a_picture_is_the_image_and_the_map",
    ],
    "tests/viz/test_graph.py": [
        "test_a_deep_graph_needs_no_recursion",
        "test_edges_pass_between_boxes",
        "test_no_box_touches_another_and_texts_lie_in_their_boxes",
        "test_spread_is_the_nearest_of_all_places",
        "test_the_loss_of_lenet5_has_every_parameter_by_name",
    ],
    "tests/viz/test_image_grids.py": [
        "test_columns_that_are_not_needed_are_left_out",
        "test_images_in_every_form",
        "test_long_captions_do_not_run_into_each_other",
        "test_pictures_are_files",
        "test_pyplot_stays_unimported",
    ],
    "tests/viz/test_layer_health.py": [
        "test_panels_of_every_network",
        "test_panels_warn_of_dead_units",
        "test_panels_warn_of_vanishing_gradients",
    ],
    "tests/viz/test_maps.py": [
        "test_feature_maps_are_the_outputs_of_the_layers",
        "test_feature_maps_of_other_networks",
    ],
    "tests/viz/test_receptive.py": [
        "test_alexnet",
        "test_dilated_branches",
        "test_dye_arithmetic_and_changed_pixels_agree",
        "test_the_stride_is_how_far_the_next_field_lies",
        "test_the_stride_of_ops",
        "test_the_title_says_size_and_stride",
    ],
    "tests/viz/test_training.py": [
        "test_many_classes_show_only_colours",
    ],
}

ON_THE_EMULATOR = {"test_forward", "test_steps"}  # of every op, and of every optimizer


def is_slow(item: Any) -> bool:
    """Whether the quick selection leaves out this test, an item of pytest."""
    if item.path.suffix == ".ipynb" or item.get_closest_marker("torch"):
        return True
    path = item.path.relative_to(ROOT).as_posix()
    function = getattr(item, "originalname", item.name)
    device = item.callspec.params.get("device") if hasattr(item, "callspec") else None
    return (
        bool({"torch", "browser"} & set(item.fixturenames))
        or function in SLOW.get(path, ())
        or (
            device == "emulator"
            and not path.startswith("tests/backend/")
            and function not in ON_THE_EMULATOR
        )
    )
