{
  "Comment": "Carries one execution: its command is dispatched to jobs, each job is ticked by a child execution until it ends, then the postprocessor records the outcome. Documents stay in the run store; ids and counts travel.",
  "StartAt": "Dispatch",
  "TimeoutSeconds": 604800,
  "States": {
    "Dispatch": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {
        "FunctionName": "${DispatcherArn}",
        "Payload.$": "$"
      },
      "OutputPath": "$.Payload",
      "TimeoutSeconds": 900,
      "Retry": [
        {
          "ErrorEquals": [
            "TryAgainError",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.TooManyRequestsException",
            "Lambda.ResourceNotReadyException",
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Runtime.Unknown",
            "Sandbox.Timedout",
            "States.Timeout"
          ],
          "IntervalSeconds": 2,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "MaxAttempts": 8,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.problem",
          "Next": "Postprocess"
        }
      ],
      "Next": "Dispatched"
    },
    "Dispatched": {
      "Type": "Choice",
      "Choices": [
        {
          "Variable": "$.wait_s",
          "NumericGreaterThan": 0,
          "Next": "DispatchLater"
        },
        {
          "Variable": "$.count",
          "NumericGreaterThan": 0,
          "Next": "Jobs"
        }
      ],
      "Default": "Postprocess"
    },
    "DispatchLater": {
      "Type": "Wait",
      "SecondsPath": "$.wait_s",
      "Next": "Dispatch"
    },
    "Jobs": {
      "Type": "Map",
      "Comment": "A job that fails ends its child execution well: which jobs failed stands in the run store. The tolerance is only for what no state can catch.",
      "Label": "Jobs",
      "ToleratedFailurePercentage": 100.0,
      "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {
          "InputType": "JSON"
        },
        "Parameters": {
          "Bucket.$": "$.bucket",
          "Key.$": "$.key"
        }
      },
      "ItemSelector": {
        "execution_id.$": "$.execution_id",
        "job_id.$": "$$.Map.Item.Value"
      },
      "ItemProcessor": {
        "ProcessorConfig": {
          "Mode": "DISTRIBUTED",
          "ExecutionType": "STANDARD"
        },
        "StartAt": "Tick",
        "States": {
          "Tick": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
              "FunctionName": "${ExecutorArn}",
              "Payload.$": "$"
            },
            "OutputPath": "$.Payload",
            "TimeoutSeconds": 330,
            "Retry": [
              {
                "ErrorEquals": [
                  "TryAgainError",
                  "Lambda.ServiceException",
                  "Lambda.AWSLambdaException",
                  "Lambda.SdkClientException",
                  "Lambda.ClientExecutionTimeoutException",
                  "Lambda.TooManyRequestsException",
                  "Lambda.ResourceNotReadyException",
                  "Lambda.Unknown",
                  "Runtime.ExitError",
                  "Runtime.Unknown",
                  "Sandbox.Timedout",
                  "States.Timeout"
                ],
                "IntervalSeconds": 2,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "MaxAttempts": 10,
                "JitterStrategy": "FULL"
              }
            ],
            "Catch": [
              {
                "ErrorEquals": [
                  "States.ALL"
                ],
                "ResultPath": "$.problem",
                "Next": "GiveUp"
              }
            ],
            "Next": "Ended"
          },
          "Ended": {
            "Type": "Choice",
            "Choices": [
              {
                "Variable": "$.ended",
                "BooleanEquals": true,
                "Next": "Done"
              }
            ],
            "Default": "Wait"
          },
          "Wait": {
            "Type": "Wait",
            "SecondsPath": "$.wait_s",
            "Next": "Tick"
          },
          "GiveUp": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
              "FunctionName": "${ExecutorArn}",
              "Payload.$": "$"
            },
            "OutputPath": "$.Payload",
            "TimeoutSeconds": 330,
            "Retry": [
              {
                "ErrorEquals": [
                  "TryAgainError",
                  "Lambda.ServiceException",
                  "Lambda.AWSLambdaException",
                  "Lambda.SdkClientException",
                  "Lambda.ClientExecutionTimeoutException",
                  "Lambda.TooManyRequestsException",
                  "Lambda.ResourceNotReadyException",
                  "Lambda.Unknown",
                  "Runtime.ExitError",
                  "Runtime.Unknown",
                  "Sandbox.Timedout",
                  "States.Timeout"
                ],
                "IntervalSeconds": 2,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "MaxAttempts": 30,
                "JitterStrategy": "FULL"
              }
            ],
            "Catch": [
              {
                "ErrorEquals": [
                  "States.ALL"
                ],
                "ResultPath": "$.problem",
                "Next": "Done"
              }
            ],
            "Comment": "The tick kept failing: the job fails alone. If even that cannot be recorded now, the postprocessor does it.",
            "Next": "Done"
          },
          "Done": {
            "Type": "Pass",
            "Result": {},
            "End": true
          }
        }
      },
      "ResultPath": null,
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.problem",
          "Next": "Postprocess"
        }
      ],
      "Next": "Postprocess"
    },
    "Postprocess": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {
        "FunctionName": "${PostprocessorArn}",
        "Payload": {
          "state.$": "$",
          "machine.$": "$$.StateMachine.Id"
        }
      },
      "OutputPath": "$.Payload",
      "TimeoutSeconds": 900,
      "Retry": [
        {
          "ErrorEquals": [
            "TryAgainError",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.TooManyRequestsException",
            "Lambda.ResourceNotReadyException",
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Runtime.Unknown",
            "Sandbox.Timedout",
            "States.Timeout"
          ],
          "IntervalSeconds": 2,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "MaxAttempts": 30,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.problem",
          "Next": "NotRecorded"
        }
      ],
      "Comment": "It starts the executions that this one calls for, with runs of the same machine.",
      "Next": "Postprocessed"
    },
    "Postprocessed": {
      "Type": "Choice",
      "Choices": [
        {
          "Variable": "$.wait_s",
          "NumericGreaterThan": 0,
          "Next": "PostprocessLater"
        },
        {
          "Variable": "$.status",
          "StringEquals": "failed",
          "Next": "Failed"
        }
      ],
      "Default": "Succeeded"
    },
    "PostprocessLater": {
      "Type": "Wait",
      "SecondsPath": "$.wait_s",
      "Next": "Postprocess"
    },
    "Failed": {
      "Type": "Fail",
      "Error": "JobsFailed",
      "CausePath": "$.message"
    },
    "NotRecorded": {
      "Type": "Fail",
      "Error": "NotRecorded",
      "CausePath": "$.problem.Cause"
    },
    "Succeeded": {
      "Type": "Succeed"
    }
  }
}
