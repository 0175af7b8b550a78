"""Which keys ``model_index.json`` and a scheduler's configuration may hold. Data; imports no library.

Sources: as in ``configurations``; the schedulers are those of diffusers 0.42 with a discrete beta schedule.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from generator.families.configurations import LABEL, STANDARD, unread_keys
from specs.boundary.config_keys import Keys, Value, flag, number, only, optional, several, whole

MOST_TIMESTEPS = 10_000
# Only the noise that the network was trained with counts; the solver, and its options, are the job's.
SCHEDULER_CLASSES = [
    "DDIMInverseScheduler",
    "DDIMParallelScheduler",
    "DDIMScheduler",
    "DDPMParallelScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepInverseScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DPMSolverSDEScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "RePaintScheduler",
    "SASolverScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
]
SCHEDULER_FIX = "limner renders with a discrete beta schedule, as Stable Diffusion 1, 2 and XL were trained"
BETA = number(1e-9, 0.999)
SCHEDULER: Keys = MappingProxyType(
    {
        "_class_name": only(*SCHEDULER_CLASSES, fix=SCHEDULER_FIX),
        "num_train_timesteps": whole(2, MOST_TIMESTEPS),
        "beta_start": BETA,
        "beta_end": BETA,
        "beta_schedule": only("linear", "scaled_linear", "squaredcos_cap_v2", fix=SCHEDULER_FIX),
        "trained_betas": optional(several(number(0, 0.9999), 2, MOST_TIMESTEPS)),
        "prediction_type": only("epsilon", "v_prediction", "sample", fix=SCHEDULER_FIX),
        "rescale_betas_zero_snr": flag(),
        "timestep_spacing": only("leading", "linspace", "trailing"),
        "steps_offset": whole(0, 1000),
        "set_alpha_to_one": flag(),
        **unread_keys(
            """
            _diffusers_version _name_or_path algorithm_type clip_sample clip_sample_range corrector_order
            disable_corrector dynamic_thresholding_ratio eta euler_at_final final_sigmas_type flow_shift
            interpolation_type lambda_min_clipped lower_order_final noise_sampler_seed original_inference_steps
            predict_x0 predict_epsilon predictor_order sample_max_value shift_terminal sigma_max sigma_min
            skip_prk_steps snr_shift_scale solver_order solver_p solver_type tau_func tensor_format thresholding
            time_shift_type
            timestep_scaling timestep_type use_beta_sigmas use_dynamic_shifting use_exponential_sigmas use_flow_sigmas
            use_karras_sigmas use_lu_lambdas variance_type
            """
        ),
    }
)

COMPONENT = several(optional(LABEL), 2, 2)  # a part that limner does not load: [library or null, class or null]
INDEX_UNREAD = """
safety_checker feature_extractor image_encoder requires_safety_checker force_zeros_for_empty_prompt
_diffusers_version _name_or_path add_watermarker
"""


def index_keys(pipeline: str, parts: Iterable[tuple[str, str, str | None]]) -> Keys:
    """``model_index.json`` of a pipeline whose parts are (name, library, class; None for any scheduler)."""
    keys = {"_class_name": only(pipeline), **unread_keys(INDEX_UNREAD)}
    for component in ("safety_checker", "feature_extractor", "image_encoder"):
        keys[component] = optional(COMPONENT)
    for name, library, class_name in parts:
        classes = [class_name] if class_name else SCHEDULER_CLASSES
        pairs = [[library, each] for each in classes]
        words = f'["{library}", "{class_name or "a scheduler of Stable Diffusion"}"]'
        keys[name] = Value(words, pairs.__contains__, STANDARD + ", never code or parts of a checkpoint's own")
    return MappingProxyType(keys)
