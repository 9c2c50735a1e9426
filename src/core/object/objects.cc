#include "core/object/objects.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "core/object/object_edit.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"
#include "core/store_error.h"

namespace grpc_os::core {
namespace {

constexpr int kSweepStep = 1000;  // objects that one transaction of Tick deletes

// What can be told before anything is looked at. An id is asked for once its name is known.
absl::Status MayWrite(const Objects::By& by, const std::string& reference) {
  if (IsObjectId(reference)) return absl::OkStatus();
  if (!by.access(ObjectVerb::kWrite, reference))
    return NameForbidden(ObjectVerb::kWrite, reference);
  return IsSystemName(reference) ? SystemObject(reference) : absl::OkStatus();
}

// For what a change refers to: it lies in the store.
absl::Status MayReadStored(const ObjectAccess& access, const std::string& reference) {
  if (auto status = CheckMayRead(access, reference); !status.ok()) return status;
  return IsSystemName(reference) ? SystemObjectInChange(reference) : absl::OkStatus();
}

absl::Status MayChange(const Objects::By& by, const ObjectChange& change) {
  return std::visit(
      [&](const auto& asked) {
        if constexpr (std::is_same_v<std::decay_t<decltype(asked)>, GetObject>)
          return MayReadStored(by.access, asked.name);
        else
          return MayWrite(by, asked.name);
      },
      change);
}

// A destination that ends with a slash says only where to: the name itself is asked for later.
absl::Status MayWriteTo(const Objects::By& by, const std::string& destination) {
  if (!destination.ends_with('/')) return MayWrite(by, destination);
  return destination != "/" && IsSystemName(destination) ? SystemObject(destination)
                                                         : absl::OkStatus();
}

std::string ReferenceTo(const Object& object) {
  return object.id.empty() ? object.name : object.id;
}

// A change of one object or folder, alone in its transaction.
struct Single {
  using Check = std::function<absl::Status(ObjectEdit&, ObjectStep&)>;
  using Subject = std::function<std::string(const ObjectStep&, int64_t revision)>;

  ObjectStep step = {};
  Objects::By by = {};
  int64_t now_ms = 0;
  Check check = {};
  Subject subject = [](const ObjectStep& made, int64_t) { return ReferenceTo(made.object); };
  bool asked_for = true;
  bool deletes = false;

  absl::Status Apply(ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
    step.Reset();
    absl::Status status = Run(rows, revision, outcome);
    step.DropRows();
    return status;
  }

  absl::Status Run(ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
    ObjectEdit edit({.rows = rows,
                     .revision = revision,
                     .now_ms = now_ms,
                     .origin = by.origin,
                     .access = by.access,
                     .events = outcome.events});
    if (auto status = check(edit, step); !status.ok()) return status;
    if (auto status = edit.Charge({&step}); !status.ok()) return status;
    if (auto status = edit.Write(step); !status.ok()) return status;
    if (by.origin.request) outcome.subject = subject(step, revision);
    return absl::OkStatus();
  }
};

using Committed = std::function<void(absl::StatusOr<int64_t> revision, Single& single)>;

void Commit(ObjectStore& store, Single change, Committed done) {
  const bool deletes = change.deletes;
  const auto single = std::make_shared<Single>(std::move(change));
  Envelope envelope = single->asked_for ? Envelope(single->by.origin) : Envelope::OfSystem();
  store.CommitObjects(
      {.apply =
           [single](ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
             return single->Apply(rows, revision, outcome);
           },
       .refuses_clean = true,
       .may_use_reserve = deletes},
      std::move(envelope), [single, done = std::move(done)](absl::StatusOr<int64_t> revision) {
        if (!revision.ok()) return done(FromStore(revision.status()), *single);
        Failpoint("osd.object.committed");
        done(revision, *single);
      });
}

// Answers with the object as it is then, without its content.
Committed AnswerWith(Objects::Done done) {
  return [done = std::move(done)](const absl::StatusOr<int64_t>& revision, Single& single) {
    if (!revision.ok()) return done(revision.status());
    single.step.object.data.clear();
    done(std::move(single.step.object));
  };
}

constexpr absl::string_view kMore = "+";

std::string SubjectOfBatch(const ObjectStep& step, int64_t revision) {
  return absl::StrCat(step.count, step.more ? kMore : "", " ", revision, " ",
                      ReferenceTo(step.object));
}

Committed AnswerBatch(Objects::BatchDone done) {
  return [done = std::move(done)](const absl::StatusOr<int64_t>& revision, const Single& single) {
    if (!revision.ok()) return done(revision.status());
    done(Objects::Batch{
        .revision = *revision, .count = single.step.count, .more = single.step.more});
  };
}

// Of the five changes that a transaction knows too: `work.asked` is a `Change`.
template <typename Change, typename CheckOne>
Single SingleOf(ObjectWork work, Objects::By by, int64_t now_ms, CheckOne check) {
  Single single{.step = std::move(work.step), .by = std::move(by), .now_ms = now_ms};
  single.check = [asked = std::get<Change>(std::move(work.asked)), check](
                     ObjectEdit& edit, ObjectStep& step) { return (edit.*check)(asked, step); };
  return single;
}

}  // namespace

Objects::Objects(ObjectStore& store, const Clock& clock)
    : store_(store), clock_(clock), sweeping_(std::make_shared<std::atomic<bool>>(false)) {}

// ---- Changes ------------------------------------------------------------------------------------

void Objects::Create(CreateObject change, By by, Done done) {
  if (auto status = MayWrite(by, change.name); !status.ok()) return done(status);
  Commit(store_,
         SingleOf<CreateObject>(WorkOf(std::move(change)), std::move(by), clock_.NowMs(),
                                &ObjectEdit::CheckCreate),
         AnswerWith(std::move(done)));
}

void Objects::Put(PutObject change, By by, Done done) {
  if (auto status = MayWrite(by, change.name); !status.ok()) return done(status);
  Commit(store_,
         SingleOf<PutObject>(WorkOf(std::move(change)), std::move(by), clock_.NowMs(),
                             &ObjectEdit::CheckPut),
         AnswerWith(std::move(done)));
}

void Objects::Update(UpdateObject change, By by, Done done) {
  if (auto status = MayWrite(by, change.name); !status.ok()) return done(status);
  Commit(store_,
         SingleOf<UpdateObject>(WorkOf(std::move(change)), std::move(by), clock_.NowMs(),
                                &ObjectEdit::CheckUpdate),
         AnswerWith(std::move(done)));
}

void Objects::Delete(DeleteObject change, By by, BatchDone done) {
  if (auto status = MayWrite(by, change.name); !status.ok()) return done(status);
  Single single = SingleOf<DeleteObject>(WorkOf(std::move(change)), std::move(by), clock_.NowMs(),
                                         &ObjectEdit::CheckDelete);
  single.deletes = true;
  single.subject = SubjectOfBatch;
  Commit(store_, std::move(single), AnswerBatch(std::move(done)));
}

void Objects::MoveFolder(const std::string& name, const std::string& destination, By by,
                         BatchDone done) {
  if (auto status = MayWrite(by, name); !status.ok()) return done(status);
  if (auto status = CheckMayRead(by.access, name); !status.ok()) return done(status);
  if (auto status = MayWriteTo(by, destination); !status.ok()) return done(status);
  Single single{.by = std::move(by), .now_ms = clock_.NowMs()};
  single.check = [name, destination](ObjectEdit& edit, ObjectStep& step) {
    return edit.CheckMovePart(name, destination, step);
  };
  single.subject = SubjectOfBatch;
  Commit(store_, std::move(single), AnswerBatch(std::move(done)));
}

void Objects::Purge(const std::string& name, int64_t generation,
                    std::function<void(absl::Status)> done) {
  By by;
  by.access = [](ObjectVerb, std::string_view) { return true; };
  DeleteObject change;
  change.name = name;
  change.purge = true;
  change.preconditions.generation = generation;
  Single single = SingleOf<DeleteObject>(WorkOf(std::move(change)), std::move(by), clock_.NowMs(),
                                         &ObjectEdit::CheckDelete);
  single.asked_for = false;
  single.deletes = true;
  Commit(store_, std::move(single),
         [done = std::move(done)](const absl::StatusOr<int64_t>& revision, const Single&) {
           done(revision.status());
         });
}

absl::StatusOr<Objects::Batch> Objects::RepeatBatch(const std::string& subject) {
  const std::vector<std::string> parts = absl::StrSplit(subject, absl::MaxSplits(' ', 2));
  Batch batch;
  absl::string_view count = parts[0];
  batch.more = absl::ConsumeSuffix(&count, kMore);
  if (parts.size() != 3 || !absl::SimpleAtoi(count, &batch.count) ||
      !absl::SimpleAtoi(parts[1], &batch.revision))
    return absl::InternalError(absl::StrCat("no subject of a deletion or a move: ", subject));
  return batch;
}

void Objects::Undelete(const std::string& name, int64_t generation, By by, Done done) {
  if (auto status = MayWrite(by, name); !status.ok()) return done(status);
  Single single{.by = std::move(by), .now_ms = clock_.NowMs()};
  single.check = [name, generation](ObjectEdit& edit, ObjectStep& step) {
    return edit.CheckUndelete(name, generation, step);
  };
  Commit(store_, std::move(single), AnswerWith(std::move(done)));
}

void Objects::Move(const std::string& name, const std::string& destination,
                   Preconditions preconditions, By by, Done done) {
  if (auto status = MayWrite(by, name); !status.ok()) return done(status);
  if (auto status = CheckMayRead(by.access, name); !status.ok()) return done(status);
  if (auto status = MayWriteTo(by, destination); !status.ok()) return done(status);
  Single single{.by = std::move(by), .now_ms = clock_.NowMs()};
  single.check = [name, destination, preconditions](ObjectEdit& edit, ObjectStep& step) {
    return edit.CheckMove(name, destination, preconditions, step);
  };
  Commit(store_, std::move(single), AnswerWith(std::move(done)));
}

void Objects::Copy(const std::string& name, int64_t generation, const std::string& destination,
                   Preconditions preconditions, By by, Done done) {
  if (auto status = MayReadStored(by.access, name); !status.ok()) return done(status);
  if (auto status = MayWriteTo(by, destination); !status.ok()) return done(status);
  Single single{.by = std::move(by), .now_ms = clock_.NowMs()};
  single.check = [name, generation, destination, preconditions](ObjectEdit& edit,
                                                                ObjectStep& step) {
    return edit.CheckCopy(name, generation, destination, preconditions, step);
  };
  Commit(store_, std::move(single), AnswerWith(std::move(done)));
}

void Objects::MakeFolder(const std::string& name, By by, Done done) {
  if (auto status = MayWrite(by, name); !status.ok()) return done(status);
  Single single{.by = std::move(by), .now_ms = clock_.NowMs()};
  single.check = [folder = name.ends_with('/') ? name : name + "/"](
                     ObjectEdit& edit, ObjectStep& step) { return edit.CheckFolder(folder, step); };
  Commit(store_, std::move(single), AnswerWith(std::move(done)));
}

void Objects::MakeFirstFolders(std::function<void(absl::StatusOr<bool>)> done) {
  store_.ListObjects(
      {.prefix = "/", .limit = 1},
      [&store = store_, now_ms = clock_.NowMs(),
       done = std::move(done)](const absl::StatusOr<ObjectPage>& page) mutable {
        if (!page.ok()) return done(FromStore(page.status()));
        if (!page->objects.empty()) return done(false);
        Single single{.now_ms = now_ms, .asked_for = false};
        single.by.access = [](ObjectVerb, std::string_view) { return true; };
        single.check = [](ObjectEdit& edit, ObjectStep& step) {
          return edit.CheckFolder("/config/", step);
        };
        Commit(store, std::move(single),
               [done = std::move(done)](const absl::StatusOr<int64_t>& revision, const Single&) {
                 if (!revision.ok()) return done(revision.status());
                 done(true);
               });
      });
}

// ---- Transactions -------------------------------------------------------------------------------

namespace {

// One message has to hold the answer, and nothing is carried out whose answer cannot be given.
constexpr int64_t kAnswerBytes = limits::kMessageBytes / 8 * 7;

// Of one change, in the answer; at most.
int64_t AnswerBytesOf(const ObjectWork& work) {
  constexpr int64_t kNumbers = 512;  // ids, times, digests
  constexpr int64_t kPair = 12;      // what encodes one, beside its key and value
  const Object& object = work.step.object;
  auto bytes = static_cast<int64_t>(object.name.size() + object.content_type.size()) + kNumbers;
  for (const auto& [key, value] : object.metadata)
    bytes += static_cast<int64_t>(key.size() + value.size()) + kPair;
  const bool has_data = std::holds_alternative<GetObject>(work.asked);
  return bytes + (has_data ? static_cast<int64_t>(object.data.size()) : 0);
}

struct Transacting {
  std::vector<CompareObject> compare;
  std::vector<ObjectWork> success;
  std::vector<ObjectWork> failure;
  Objects::By by;
  int64_t now_ms = 0;
  bool succeeded = false;

  std::vector<ObjectWork>& chosen() { return succeeded ? success : failure; }

  absl::Status Apply(ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
    absl::Status status = Run(rows, revision, outcome);
    for (ObjectWork& work : chosen()) work.step.DropRows();
    return status;
  }

  absl::Status Run(ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
    ObjectEdit edit({.rows = rows,
                     .revision = revision,
                     .now_ms = now_ms,
                     .origin = by.origin,
                     .access = by.access,
                     .events = outcome.events});
    succeeded = true;
    for (const CompareObject& one : compare) {
      const auto holds = edit.Compare(one);
      if (!holds.ok()) return holds.status();
      if (!*holds) succeeded = false;
    }
    if (auto status = Check(edit); !status.ok()) return status;
    for (ObjectWork& work : chosen())
      if (auto status = edit.Write(work.step); !status.ok()) return status;
    if (by.origin.request) outcome.subject = SubjectOf(revision);
    return absl::OkStatus();
  }

  absl::Status Check(ObjectEdit& edit) {
    std::vector<ObjectWork>& works = chosen();
    ObjectClaims claims;
    int64_t answer_bytes = 0;
    for (size_t i = 0; i < works.size(); ++i) {
      works[i].step.Reset();
      if (auto status = edit.Check(works[i], works, i); !status.ok()) return AtIndex(status, i);
      if (auto status = claims.Add(works[i].step, i); !status.ok()) return status;
      answer_bytes += AnswerBytesOf(works[i]);
      if (answer_bytes > kAnswerBytes) return AtIndex(TooMuchToAnswer(kAnswerBytes), i);
    }
    std::vector<const ObjectStep*> steps;
    steps.reserve(works.size());
    for (const ObjectWork& work : works) steps.push_back(&work.step);
    size_t index = 0;
    const absl::Status status = edit.Charge(steps, &index);
    return status.ok() ? status : AtIndex(status, index);
  }

  // Names have no newlines.
  std::string SubjectOf(int64_t revision) {
    std::string subject = absl::StrCat(succeeded ? 1 : 0, " ", revision);
    for (const ObjectWork& work : chosen())
      absl::StrAppend(&subject, "\n", ReferenceTo(work.step.object));
    return subject;
  }
};

std::vector<ObjectWork> WorksOf(std::vector<ObjectChange> changes) {
  std::vector<ObjectWork> works;
  works.reserve(changes.size());
  for (ObjectChange& change : changes) works.push_back(WorkOf(std::move(change)));
  return works;
}

}  // namespace

void Objects::Transact(ObjectTransaction transaction, By by, TransactDone done) {
  for (const CompareObject& one : transaction.compare)
    if (auto status = MayReadStored(by.access, one.name); !status.ok()) return done(status);
  for (const auto* changes : {&transaction.success, &transaction.failure}) {
    for (size_t i = 0; i < changes->size(); ++i) {
      if (auto status = MayChange(by, (*changes)[i]); !status.ok()) return done(AtIndex(status, i));
    }
  }
  const auto work = std::make_shared<Transacting>();
  work->compare = std::move(transaction.compare);
  work->success = WorksOf(std::move(transaction.success));
  work->failure = WorksOf(std::move(transaction.failure));
  work->by = std::move(by);
  work->now_ms = clock_.NowMs();
  store_.CommitObjects(
      {.apply = [work](
                    ObjectRows& rows, int64_t revision,
                    ObjectWrite::Outcome& outcome) { return work->Apply(rows, revision, outcome); },
       .refuses_clean = true},
      Envelope(work->by.origin),
      [work, done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
        if (!revision.ok()) return done(FromStore(revision.status()));
        Failpoint("osd.object.committed");
        ObjectTransactionResult result{.succeeded = work->succeeded, .revision = *revision};
        for (ObjectWork& one : work->chosen()) {
          if (!std::holds_alternative<GetObject>(one.asked)) one.step.object.data.clear();
          result.objects.push_back(std::move(one.step.object));
        }
        done(std::move(result));
      });
}

void Objects::RepeatTransact(const std::string& subject, const Reader& reader, TransactDone done) {
  const std::vector<std::string> lines = absl::StrSplit(subject, '\n');
  const std::vector<std::string> head = absl::StrSplit(lines.front(), ' ');
  struct Gathering {
    ObjectTransactionResult result;
    std::atomic<size_t> missing;
    std::atomic<bool> answered{false};
    ObjectAccess access;
    TransactDone done;
  };
  const auto all = std::make_shared<Gathering>();
  if (head.size() != 2 || !absl::SimpleAtoi(head[1], &all->result.revision))
    return done(absl::InternalError(absl::StrCat("no subject of a transaction: ", subject)));
  all->result.succeeded = head[0] == "1";
  all->result.objects.resize(lines.size() - 1);
  all->missing = lines.size() - 1;
  all->access = reader.access;
  all->done = std::move(done);
  if (all->result.objects.empty()) return all->done(std::move(all->result));
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    const std::string& reference = lines[i + 1];
    Object& object = all->result.objects[i];
    (IsObjectId(reference) ? object.id : object.name) = reference;
    store_.FindObject(
        {.name_or_id = reference, .now_ms = clock_.NowMs(), .by = reader.by},
        [all, &object](ObjectStore::Found found) {
          if (!found.ok()) {
            if (!all->answered.exchange(true)) all->done(FromStore(found.status()));
          } else if (found->has_value() && all->access(ObjectVerb::kRead, (*found)->name)) {
            object = **std::move(found);
          }
          if (all->missing.fetch_sub(1) == 1 && !all->answered.exchange(true))
            all->done(std::move(all->result));
        });
  }
}

// ---- Expiry -------------------------------------------------------------------------------------

namespace {

// Step by step, until nothing that had expired by then is left.
void Sweep(ObjectStore& store, int64_t now_ms, std::shared_ptr<std::atomic<bool>> sweeping) {
  const auto found = std::make_shared<int64_t>(0);
  store.CommitObjects(
      {.apply =
           [now_ms, found](ObjectRows& rows, int64_t revision, ObjectWrite::Outcome& outcome) {
             static const Origin nobody;
             static const ObjectAccess any = [](ObjectVerb, std::string_view) { return true; };
             ObjectEdit edit({.rows = rows,
                              .revision = revision,
                              .now_ms = now_ms,
                              .origin = nobody,
                              .access = any,
                              .events = outcome.events});
             const auto swept = edit.Sweep(kSweepStep);
             if (swept.ok()) *found = *swept;
             return swept.status();
           },
       .refuses_clean = true},
      Envelope::OfSystem(),
      [&store, now_ms, found, sweeping](const absl::StatusOr<int64_t>& revision) {
        if (revision.ok() && *found == kSweepStep) return Sweep(store, now_ms, sweeping);
        sweeping->store(false);
      });
}

}  // namespace

void Objects::Tick(int64_t now_ms) {
  if (sweeping_->exchange(true)) return;
  store_.AnyExpired(
      now_ms, [&store = store_, now_ms, sweeping = sweeping_](const absl::StatusOr<bool>& any) {
        if (any.ok() && *any) return Sweep(store, now_ms, sweeping);
        sweeping->store(false);
      });
}

}  // namespace grpc_os::core
