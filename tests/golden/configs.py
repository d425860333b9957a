"""What the golden runs train: each option of each group at least once, in runs of about a second."""

QUICK = ("data.limit=500", "trainer.epochs=2", "tracking.tensorboard=false", "tracking.console=none")
BINARY = "data.classes=[0,1]"
# Long enough to be killed halfway, and no two of its evaluations are alike.
LONG = ("trainer.epochs=40", "trainer.batch_size=2", "optimizer.lr=0.01")

# name -> overrides of one run.
RUNS: dict[str, tuple[str, ...]] = {
    # models
    "mlp": ("model.hidden=[32,16]", *QUICK),
    "mlp_tanh": ("model.activation=tanh", "model.init.scheme=xavier_normal", *QUICK),
    "mlp_sigmoid_normal": ("model.activation=sigmoid", "model.init.scheme=normal", "model.init.std=0.1", *QUICK),
    "mlp_mixed_outputs": (BINARY, "model.output=sigmoid", "loss=binary_squared_error", *QUICK),
    "mlp_cosine": ("model.activation=cosine", "model.init.scheme=kaiming_uniform", *QUICK),
    "softmax": ("model=softmax", *QUICK),
    "logistic": ("model=logistic", BINARY, *QUICK),
    "perceptron": ("model=perceptron", "trainer.batch_size=1", *QUICK),
    "cnn_max": ("model=cnn", "model.filters=[4]", "model.pooling=max", *QUICK),
    "cnn_avg_deep": ("model=cnn", "model.filters=[3,5]", "model.pooling=avg", "model.stride=1", "model.activation=tanh", *QUICK),
    "dag": ("model=dag", *QUICK),
    "random_graph": ("model=random_graph", "model.hidden=[16]", *QUICK),
    "linear": ("model=linear", "data=linear_teacher", "optimizer.lr=0.001", "trainer.batch_size=8", "trainer.epochs=3"),
    "quadratic": ("model=quadratic", "data=cs229/sparse", "loss=quarter_squared_error", "optimizer.lr=0.01", "trainer.batch_size=8", "trainer.epochs=3"),
    "hand_built": ("model=hand_built", "data=gates", "data.gate=xor", "trainer.epochs=0"),
    "interval_net": ("model=interval_net", "data=interval", "trainer.epochs=0"),
    # losses
    "cross_entropy": ("loss=cross_entropy", *QUICK),
    "perceptron_loss": ("loss=perceptron", *QUICK),
    "binary_cross_entropy": (BINARY, "loss=binary_cross_entropy", *QUICK),
    "squared_error": ("model=linear", "data=linear_teacher", "loss=squared_error", "optimizer.lr=0.001", "trainer.batch_size=8", "trainer.epochs=3"),
    "quarter_squared_error": ("model=linear", "data=linear_teacher", "loss=quarter_squared_error", "optimizer.lr=0.001", "trainer.batch_size=8", "trainer.epochs=3"),
    # optimizers, schedules and regularizers
    "momentum": ("optimizer.momentum=0.9", "optimizer.lr=0.01", *QUICK),
    "nesterov": ("optimizer.momentum=0.9", "optimizer.nesterov=true", "optimizer.lr=0.01", *QUICK),
    "adam": ("optimizer=adam", *QUICK),
    "adamw": ("optimizer=adamw", "optimizer.weight_decay=0.1", *QUICK),
    "rmsprop": ("optimizer=rmsprop", "optimizer.lr=0.001", *QUICK),
    "min_norm": ("model=linear", "model.bias=false", "data=linear_teacher", "optimizer=min_norm"),
    "ridge": ("model=linear", "model.bias=false", "data=linear_teacher", "optimizer=ridge", "optimizer.alpha=0.5"),
    "step": ("schedule=step", "schedule.step_size=1", *QUICK),
    "exponential": ("schedule=exponential", *QUICK),
    "cosine": ("schedule=cosine", "optimizer=adam", *QUICK),
    "l1": ("regularizer=l1", *QUICK),
    "l2": ("regularizer=l2", "regularizer.alpha=0.01", *QUICK),
    "l2_full_on_all": ("regularizer=l2", "regularizer.convention=full", "regularizer.on=all", *QUICK),
    # the trainer
    "eager": ("trainer.kernels=torch", *QUICK),
    "autograd": ("trainer.engine=autograd", *QUICK),
    "autograd_cnn": ("trainer.engine=autograd", "model=cnn", "model.filters=[4]", *QUICK),
    "float64": ("trainer.dtype=float64", "trainer.kernels=torch", *QUICK),
    "dropout": ("model.dropout=0.3", *QUICK),
    "without_replacement": ("trainer.sampling=without_replacement", *QUICK),
    "with_replacement": ("trainer.sampling=with_replacement", *QUICK),
    "file_order": ("trainer.shuffle=false", "trainer.drop_last=true", *QUICK),
    "full_batch": ("trainer.batch_size=null", *QUICK),
    "batch_of_one": ("trainer.batch_size=1", *QUICK),
    "max_steps": ("trainer.max_steps=5", "trainer.eval_unit=step", "trainer.eval_every=2", "trainer.eval_offset=1", *QUICK),
    "early_stopping": ("trainer.epochs=60", "trainer.early_stopping.patience=2", "optimizer.lr=1", *QUICK[:1]),
    "stops_when_fitted": ("trainer.epochs=60", "trainer.early_stopping.train_accuracy=0.95", "trainer.train_metrics=full", *QUICK[:1]),
    "select_last": ("trainer.select=last", "trainer.select_by=loss", *QUICK),
    "diverges": ("optimizer.lr=1e30", "trainer.on_divergence=accept", *QUICK),
    # data
    "corrupted_labels": ("data.label_corruption=0.5", *QUICK),
    "shuffled_pixels": ("data.inputs=shuffled_pixels", "data.normalize=standardize", *QUICK),
    # procedures
    "certificate": ("procedure=certificate", "data=gates", "data.gate=xor"),
    "identities": ("procedure=identities", *QUICK[:1]),
    "verify": ("procedure=verify", "procedure.dim=3"),
    "vote": ("procedure=vote", "model.init.scheme=constant", *QUICK[:1]),
}  # fmt: skip

# name -> overrides of a sweep that trains as one cohort, or as a few.
SWEEPS: dict[str, tuple[str, ...]] = {
    "cohort_of_rates": ("optimizer.lr=1,0.3,0.1,0.03,0.01", *QUICK),
    "cohort_of_seeds": ("seed=0,1,2,3,4", "model.dropout=0.2", *QUICK),
    "cohort_of_penalties": ("regularizer=l2", "regularizer.alpha=0,1e-4,1e-3,1e-2,1e-1", "optimizer.momentum=0.9", "optimizer.lr=0.05", *QUICK),
    "cohort_of_cnns": ("model=cnn", "model.filters=[4]", "optimizer.lr=1,0.3,0.1,0.03,0.01", *QUICK),
    "eager_cohort": ("trainer.kernels=torch", "optimizer=rmsprop", "optimizer.lr=1e-2,3e-3,1e-3,3e-4,1e-4", *QUICK),
    "autograd_cohort": ("trainer.engine=autograd", "optimizer.lr=1,0.3,0.1,0.03,0.01", *QUICK),
    "cohort_with_a_diverging_run": ("optimizer.lr=0.1,1e30,0.01", *QUICK),
    "two_structures": ("model.hidden=[16],[32]", "optimizer.lr=0.1,0.01", *QUICK),
}  # fmt: skip

# Sweeps that exit with 1, since a run diverges.
DIVERGING = ("cohort_with_a_diverging_run",)

# name -> overrides of a run that is killed after its first evaluations, and resumed.
RESUMED: dict[str, tuple[str, ...]] = {
    "resumed": (*LONG, "data.limit=500"),
    "resumed_adam_dropout": (
        "optimizer=adam",
        "model.dropout=0.2",
        *LONG[:2],
        "optimizer.lr=0.001",
        "data.limit=500",
    ),
}
# Trained on two threads, too.
ON_TWO_THREADS = (
    "mlp", "softmax", "cnn_max", "adam", "l2", "eager", "autograd", "float64", "dropout", "full_batch",
    "cohort_of_rates", "cohort_of_cnns", "eager_cohort", "two_structures",
)  # fmt: skip
