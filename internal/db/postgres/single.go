package postgres

import "github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"

// A lone workflow commits single rows, and for one row arrays are half of what a
// statement costs.

// oneInserted gives the first row of columns.
func oneInserted(p dbsqlc.InsertTasksParams) dbsqlc.InsertTaskParams {
	return dbsqlc.InsertTaskParams{
		Namespace: p.Namespace, ID: p.Ids[0], ExecutionID: p.ExecutionIds[0], ParentID: p.ParentIds[0],
		ParentRun: p.ParentRuns[0], StepKey: p.StepKeys[0], Op: p.Ops[0], Name: p.Names[0], Pinned: p.Pinneds[0],
		Version: p.Versions[0], Queue: p.Queues[0], Lane: p.Lanes[0], Priority: p.Priorities[0], Input: p.Inputs[0],
		Options: p.Options[0], ItemIndex: p.ItemIndexes[0], CreatedAt: p.CreatedAts[0], Kind: p.Kinds[0], State: p.States[0],
		DueAt: p.DueAts[0], ScheduledFor: p.ScheduledFors[0], Holder: p.Holders[0], Token: p.Tokens[0],
		Attempt: p.Attempts[0], Failures: p.Failures[0], LostLeases: p.LostLeases[0], StartedAt: p.StartedAts[0],
		CompletedAt: p.CompletedAts[0], Seq: p.Seqs[0], Result: p.Results[0], Error: p.Errors[0], Detail: p.Details[0],
		WaitingFor: p.WaitingFors[0], AwaitedBy: p.AwaitedBys[0], Run: p.Runs[0], Turn: p.Turns[0], Settled: p.Settleds[0],
		Open: p.Opens[0], NextItem: p.NextItems[0], Items: p.Items[0], Await: p.Awaits[0],
		CancelRequested: p.CancelRequesteds[0], OwnsResult: p.OwnsResults[0], AwaitsResult: p.AwaitsResults[0],
		CacheHit: p.CacheHits[0], ConcurrencyKey: p.ConcurrencyKeys[0], Slot: p.Slots[0], ParentTurn: p.ParentTurns[0],
	}
}

// oneUpdated gives the first row of columns.
func oneUpdated(p dbsqlc.UpdateTasksParams) dbsqlc.UpdateTaskParams {
	return dbsqlc.UpdateTaskParams{
		Kind: p.Kinds[0], State: p.States[0], DueAt: p.DueAts[0], ScheduledFor: p.ScheduledFors[0], Holder: p.Holders[0],
		Token: p.Tokens[0], Attempt: p.Attempts[0], Failures: p.Failures[0], LostLeases: p.LostLeases[0],
		StartedAt: p.StartedAts[0], CompletedAt: p.CompletedAts[0], Seq: p.Seqs[0], Result: p.Results[0], Error: p.Errors[0],
		SetDetail: p.SetDetails[0], Detail: p.Details[0], WaitingFor: p.WaitingFors[0], AwaitedBy: p.AwaitedBys[0],
		Run: p.Runs[0], Turn: p.Turns[0], Settled: p.Settleds[0], Open: p.Opens[0], NextItem: p.NextItems[0],
		Items: p.Items[0], Await: p.Awaits[0], CancelRequested: p.CancelRequesteds[0], OwnsResult: p.OwnsResults[0],
		AwaitsResult: p.AwaitsResults[0], CacheHit: p.CacheHits[0], Slot: p.Slots[0], Lane: p.Lanes[0], ID: p.Ids[0],
		WasToken: p.WasTokens[0],
	}
}
