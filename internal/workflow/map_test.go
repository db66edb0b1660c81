package workflow

import (
	"encoding/json"
	"strconv"
	"testing"
)

func mapping(k, name string, n int, o *CallOptions) Command {
	c := Command{Key: k, Op: OpMap, Name: name, Options: o}
	for i := range n {
		c.Inputs = append(c.Inputs, json.RawMessage(strconv.Itoa(i)))
	}
	return c
}

func TestMapGivesItsResultsInTheOrderOfItsInputs(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 3, nil))
	for _, item := range []string{"2", "0", "1"} {
		s.do(Succeeded{Lease: s.lease(id, "m", item), Value: json.RawMessage(item + item)})
	}
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != "[00,11,22]" {
		t.Fatalf("the result is %s", m.Result)
	}
	s.wantTask(TaskPending, id)
}

func TestMapOfNothingIsDoneAtOnce(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 0, nil))
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != "[]" {
		t.Fatalf("the result is %s", m.Result)
	}
}

func TestMapKeepsNoMoreInFlightThanAsked(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 5, &CallOptions{MaxInFlight: 2}))
	due := func() (n int) {
		for _, item := range s.m.children(s.task(id, "m").ID, 0) {
			if item.DueAt != nil {
				n++
			}
		}
		return n
	}
	for left := 5; left > 0; left-- {
		if got := due(); got != min(left, 2) {
			t.Fatalf("%d items are due with %d left", got, left)
		}
		s.do(done(s.lease(id, "m", strconv.Itoa(5-left))))
	}
	s.wantTask(TaskCompleted, id, "m")
}

func TestFirstFailureOfAnItemFailsTheMapAndCancelsTheRest(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 4, &CallOptions{MaxInFlight: 3}))
	held := s.lease(id, "m", "0")
	s.do(Failed{Lease: s.lease(id, "m", "1"), Error: Error{Type: "bad", Message: "no"}})
	m := s.wantTask(TaskFailed, id, "m")
	var details struct {
		Index int
		Error Error
	}
	if err := json.Unmarshal(m.Error.Details, &details); err != nil || details.Index != 1 || details.Error.Type != "bad" {
		t.Fatalf("%s, %v", m.Error.Details, err)
	}
	s.refused(ErrLeaseLost, done(held))
	for _, item := range []string{"0", "2", "3"} {
		s.wantTask(TaskCancelled, id, "m", item)
	}
}

func TestMapThatCollectsListsFailuresToo(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 2, &CallOptions{Collect: true}))
	s.do(Failed{Lease: s.lease(id, "m", "0"), Error: Error{Type: "bad", Message: "no"}})
	s.do(done(s.lease(id, "m", "1")))
	want := `[{"status":"failed","error":{"type":"bad","message":"no"}},{"status":"completed","value":"done"}]`
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != want {
		t.Fatalf("the result is %s", m.Result)
	}
}

func TestAnswersOfAllItemsInOneBatchEndTheMapOnce(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "echo", 3, nil))
	var batch []Event
	for i := range 3 {
		batch = append(batch, Failed{Lease: s.lease(id, "m", strconv.Itoa(i)), Error: Error{Type: "bad"}})
	}
	v := s.try(batch...)
	if v[0].Err != nil || v[1].Err == nil || v[2].Err == nil {
		t.Fatalf("%+v", v)
	}
	s.wantTask(TaskFailed, id, "m")
}

func TestItemsMayBeSubWorkflows(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), mapping("m", "program1", 2, nil))
	s.do(s.answer(s.lease(id, "m", "0"), key("deep"), call("deep", "echo")))
	s.do(s.end(s.lease(id, "m", "1"), Outcome{Failed: &Error{Type: "bad"}}))
	s.wantTask(TaskFailed, id, "m")
	s.wantTask(TaskCancelled, id, "m", "0", "deep")
}
