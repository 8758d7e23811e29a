// An e-mail for each of the three queries in docs/logs.md. Azure limits them to the window's rows.
// It does not validate them here: a new Application Insights may not answer queries yet.
param location string
param tags object
param insightsId string
param email string

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-up2d8'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'up2d8'
    enabled: true
    emailReceivers: [
      {
        name: 'email'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource failures 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'failure-rate'
  location: location
  tags: tags
  properties: {
    displayName: 'More than 5 % of the requests of a function fail'
    severity: 1
    enabled: true
    skipQueryValidation: true
    scopes: [insightsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: '''
requests
| summarize failed = sumif(itemCount, toint(resultCode) >= 500), total = sum(itemCount) by name, bin(timestamp, 5m)
| extend failure_rate = round(100.0 * failed / total, 2)
'''
          metricMeasureColumn: 'failure_rate'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 5
          // Two windows in a row: one failure of few requests is no outage.
          failingPeriods: {
            numberOfEvaluationPeriods: 2
            minFailingPeriodsToAlert: 2
          }
        }
      ]
    }
    actions: { actionGroups: [receivers.id] }
    autoMitigate: true
  }
}

resource latency 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'latency'
  location: location
  tags: tags
  properties: {
    displayName: 'One request in twenty takes more than a second'
    severity: 2
    enabled: true
    skipQueryValidation: true
    scopes: [insightsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: '''
requests
| summarize p95 = percentilew(duration, itemCount, 95) by name, bin(timestamp, 5m)
'''
          metricMeasureColumn: 'p95'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 1000
          // Three windows in a row: a cold start is slow, and soon over.
          failingPeriods: {
            numberOfEvaluationPeriods: 3
            minFailingPeriodsToAlert: 3
          }
        }
      ]
    }
    actions: { actionGroups: [receivers.id] }
    autoMitigate: true
  }
}

resource outage 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'store-unavailable'
  location: location
  tags: tags
  properties: {
    displayName: 'The store does not answer'
    severity: 1
    enabled: true
    skipQueryValidation: true
    scopes: [insightsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: '''
traces
| where message startswith '{"status"'
| extend failure = parse_json(message)
| where tostring(failure.problem) == "store-unavailable"
| summarize requests = sum(itemCount), first = min(timestamp), last = max(timestamp),
    causes = make_set(tostring(failure.cause), 5), codes = make_set(toint(failure.mongodb_code), 5)
    by bin(timestamp, 5m)
'''
          metricMeasureColumn: 'requests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 10
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: { actionGroups: [receivers.id] }
    autoMitigate: true
  }
}
