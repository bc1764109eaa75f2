"""The seven stages in order: the method of CodeDPO (arXiv 2410.05605) on one screen.

    seeds        functions with a docstring, from real source code
      tasks        concepts of a seed -> a programming task with an exact signature          (LLM)
        samples      n solutions and m tests of the task                                      (LLM)
          executions   every solution against every test                                      (sandbox)
            rankings     solutions and tests vouch for each other; credible tests             (ranker)
              timings      run time of the credible solutions on the credible tests           (sandbox, alone)
                pairs        chosen and rejected: for correctness and for efficiency

After them: train on the pairs, evaluate before and after, report (job.py).
"""

from codedpo.stages.executions import CrossExecute
from codedpo.stages.pairs import ChoosePairs
from codedpo.stages.rankings import RankSolutions
from codedpo.stages.samples import SampleTasks
from codedpo.stages.seeds import ExtractSeeds
from codedpo.stages.tasks import WriteTasks
from codedpo.stages.timings import LeaveUntimed, TimeSolutions

STAGES = (ExtractSeeds, WriteTasks, SampleTasks, CrossExecute, RankSolutions, TimeSolutions, ChoosePairs)
STAGE_NAMES = tuple(stage.NAME for stage in STAGES)

__all__ = [
    "STAGES",
    "STAGE_NAMES",
    "ChoosePairs",
    "CrossExecute",
    "ExtractSeeds",
    "LeaveUntimed",
    "RankSolutions",
    "SampleTasks",
    "TimeSolutions",
    "WriteTasks",
]
