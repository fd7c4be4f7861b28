#include "tests/store/faulty_store.h"

namespace bitvault::test {

template <class Answer>
Task<Answer> FaultyStore::pass(Call kind, Code lost, Task<Answer> call) {
  const Fault fault = decide_(kind, ++calls_);
  if (fault.delay > Duration{}) {
    co_await world_.sleep(fault.delay);
  }
  if (fault.kind == Fault::Kind::kBefore) {
    co_return fail(Code::kUnavailable, "a fault was injected before the call");
  }
  Answer answer = co_await std::move(call);
  if (fault.kind == Fault::Kind::kAfter) {
    co_return fail(lost, "a fault was injected after the call");
  }
  co_return answer;
}

Task<Result<Committed>> FaultyStore::commit(Transaction transaction) {
  return pass(Call::kCommit, Code::kOutcomeUnknown, inner_.commit(std::move(transaction)));
}

Task<Result<JournalHead>> FaultyStore::head(TenantName tenant) {
  return pass(Call::kHead, Code::kUnavailable, inner_.head(std::move(tenant)));
}

Task<Result<Slice>> FaultyStore::read(TenantName tenant, Sequence after, ReadLimit limit) {
  return pass(Call::kRead, Code::kUnavailable, inner_.read(std::move(tenant), after, limit));
}

Task<Result<FoundEvent>> FaultyStore::find(TenantName tenant, EventId id) {
  return pass(Call::kFind, Code::kUnavailable, inner_.find(std::move(tenant), std::move(id)));
}

Task<Result<Position>> FaultyStore::position_at(TenantName tenant, WallTime time) {
  return pass(Call::kPositionAt, Code::kUnavailable, inner_.position_at(std::move(tenant), time));
}

Task<Result<FoundEvent>> FaultyStore::held(TenantName tenant, Sequence sequence) {
  return pass(Call::kHeld, Code::kUnavailable, inner_.held(std::move(tenant), sequence));
}

Task<Result<ListPage<Upkeep>>> FaultyStore::upkeep(std::string after, std::size_t limit) {
  return pass(Call::kUpkeep, Code::kUnavailable, inner_.upkeep(std::move(after), limit));
}

Task<Result<JournalHead>> FaultyStore::raise_floor(TenantName tenant, Position floor) {
  return pass(Call::kRaiseFloor, Code::kOutcomeUnknown,
              inner_.raise_floor(std::move(tenant), floor));
}

Task<Result<Pruned>> FaultyStore::prune(TenantName tenant, WallTime ids_before) {
  return pass(Call::kPrune, Code::kOutcomeUnknown, inner_.prune(std::move(tenant), ids_before));
}

Task<Result<Sequence>> FaultyStore::skip(TenantName tenant, Sequence after, BlockQuery query) {
  return pass(Call::kSkip, Code::kUnavailable,
              inner_.skip(std::move(tenant), after, std::move(query)));
}

Task<Status> FaultyStore::put_summary(TenantName tenant, Epoch epoch, std::uint64_t block,
                                      std::optional<std::string> summary) {
  return pass(Call::kPutSummary, Code::kOutcomeUnknown,
              inner_.put_summary(std::move(tenant), epoch, block, std::move(summary)));
}

Task<Result<std::vector<EpochBegin>>> FaultyStore::epochs(TenantName tenant) {
  return pass(Call::kEpochs, Code::kUnavailable, inner_.epochs(std::move(tenant)));
}

Task<Result<JournalHead>> FaultyStore::begin_epoch(TenantName tenant, std::string label) {
  return pass(Call::kBeginEpoch, Code::kOutcomeUnknown,
              inner_.begin_epoch(std::move(tenant), std::move(label)));
}

Task<Result<std::optional<std::string>>> FaultyStore::get(TenantName tenant, Collection collection,
                                                          std::string key) {
  return pass(Call::kGet, Code::kUnavailable,
              inner_.get(std::move(tenant), collection, std::move(key)));
}

Task<Result<ListPage<Record>>> FaultyStore::scan(TenantName tenant, Collection collection,
                                                 std::string prefix, std::string after,
                                                 std::size_t limit) {
  return pass(
      Call::kScan, Code::kUnavailable,
      inner_.scan(std::move(tenant), collection, std::move(prefix), std::move(after), limit));
}

Task<Result<TenantPut>> FaultyStore::put_tenant(TenantName name, TenantPatch patch) {
  return pass(Call::kPutTenant, Code::kOutcomeUnknown,
              inner_.put_tenant(std::move(name), std::move(patch)));
}

Task<Result<Tenant>> FaultyStore::tenant(TenantName name) {
  return pass(Call::kTenant, Code::kUnavailable, inner_.tenant(std::move(name)));
}

Task<Result<ListPage<Tenant>>> FaultyStore::tenants(std::string after, std::size_t limit) {
  return pass(Call::kTenants, Code::kUnavailable, inner_.tenants(std::move(after), limit));
}

Task<Status> FaultyStore::delete_tenant(TenantName name) {
  return pass(Call::kDeleteTenant, Code::kOutcomeUnknown, inner_.delete_tenant(std::move(name)));
}

Task<Result<bool>> FaultyStore::purge_deleted() {
  return pass(Call::kPurgeDeleted, Code::kOutcomeUnknown, inner_.purge_deleted());
}

Task<Result<std::optional<std::string>>> FaultyStore::setting(std::string name) {
  return pass(Call::kSetting, Code::kUnavailable, inner_.setting(std::move(name)));
}

Task<Status> FaultyStore::put_setting(std::string name, std::string value) {
  return pass(Call::kPutSetting, Code::kOutcomeUnknown,
              inner_.put_setting(std::move(name), std::move(value)));
}

}  // namespace bitvault::test
