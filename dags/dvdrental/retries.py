"""Which failures are tried again."""

from airflow.sdk import Context, RetryDecision, RetryPolicy

#: Exit codes of a job that another attempt would not change, and why.
FINAL = {2: "the command line is wrong", 3: "the configuration is wrong", 5: "the data was refused"}
#: The runbook's heading that an error names if a table is not what the contract says. (Also code 4: other errors of the
#: source pass.)
CONTRACT = "exit-4-source-contract"


class EtlRetryPolicy(RetryPolicy):
    """Try again what may pass without a person; fail at once otherwise."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide by the exit code that our errors carry."""
        code = getattr(exception, "exit_code", None)
        if code in FINAL:
            return RetryDecision.fail(f"exit code {code}: {FINAL[code]}; another attempt would not help")
        if code == 4 and f"#{CONTRACT}" in str(exception):
            return RetryDecision.fail("a table differs from the contract; another attempt would not help")
        return RetryDecision.default()
