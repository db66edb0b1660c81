// Package wake carries hints between the processes of one service: work is due,
// an execution changed, a delivery should stop. A hint only hastens what polling
// would find anyway, so each may be lost, doubled or late.
//
// Local works within a process. Remote adds other processes by way of PostgreSQL
// (LISTEN and NOTIFY) or Redis (pub/sub):
//
//	Publish ──▶ Local ──▶ subscribers of this process, at once
//	   └──────▶ batch ──5 ms──▶ link ══▶ link ──▶ Local ──▶ subscribers there
//
// While the link is down, Local goes on; when it is up again, subscribers are
// told that they may have missed something (Hint.All).
//
// It imports the standard library, pgx and go-redis.
package wake
