#include "app/new_epochs.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace bitvault::app {
namespace {

constexpr std::size_t kTenantsPerPage = 500;

Task<Status> begin(const TenantName& tenant, const std::string& label, Store& store) {
  const Result<JournalHead> before = co_await store.head(tenant);
  if (!before) {
    co_return fail(Code::kInvalid,
                   fmt::format("--new-epoch {}: {}", tenant.str(), before.error().detail));
  }
  const Result<JournalHead> now = co_await store.begin_epoch(tenant, label);
  if (!now) {
    co_return fail(Code::kUnavailable,
                   fmt::format("--new-epoch {}: {}", tenant.str(), now.error().detail));
  }
  if (now->epoch == before->epoch) {
    spdlog::info("{} is in the epoch labelled {} already", tenant.str(), label);
  } else if (label.empty()) {
    spdlog::warn("{} begins epoch {} at sequence {}; start without --new-epoch the next time",
                 tenant.str(), now->epoch.str(), now->head.value + 1);
  } else {
    spdlog::warn("{} begins epoch {}, labelled {}, at sequence {}", tenant.str(), now->epoch.str(),
                 label, now->head.value + 1);
  }
  co_return Status{};
}

bool is_named(const TenantName& tenant, const std::vector<cli::NewEpoch>& wanted) {
  return std::ranges::any_of(wanted,
                             [&](const cli::NewEpoch& one) { return one.tenant == tenant; });
}

// Those that are active and not named.
Task<Result<std::vector<TenantName>>> all_others(const std::vector<cli::NewEpoch>& wanted,
                                                 Store& store) {
  std::vector<TenantName> others;
  std::string after;
  for (bool more = true; more;) {
    const Result<ListPage<Tenant>> page = co_await store.tenants(after, kTenantsPerPage);
    if (!page) {
      co_return fail(page.error());
    }
    for (const Tenant& tenant : page->items) {
      after = tenant.name.str();
      if (tenant.state == TenantState::kActive && !is_named(tenant.name, wanted)) {
        others.push_back(tenant.name);
      }
    }
    more = page->more;
  }
  co_return others;
}

}  // namespace

Task<Status> begin_epochs(const std::vector<cli::NewEpoch>& wanted, Store& store) {
  for (const cli::NewEpoch& one : wanted) {
    std::vector<TenantName> tenants;
    if (one.tenant) {
      tenants.push_back(*one.tenant);
    } else {
      Result<std::vector<TenantName>> others = co_await all_others(wanted, store);
      if (!others) {
        co_return fail(std::move(others.error()));
      }
      tenants = std::move(*others);
    }
    for (const TenantName& tenant : tenants) {
      Status begun = co_await begin(tenant, one.label, store);
      if (!begun) {
        co_return begun;
      }
    }
  }
  co_return Status{};
}

}  // namespace bitvault::app
