import Cache
import Checkpoints
import JSON
import Models
import Runtime
import Tensor

/// A name for a model that was just loaded: a hash of all that it computes with.
///
/// Weights are hashed file by file, as they are on disk, and the hashes remembered by the store where there is one. The
/// work is done when somebody asks, and nothing of the model but its files and its adapter is held for it.
func weightIdentity(
  of model: Model, in store: ContentStore?, converted: DType?
) -> Deferred<String?> {
  var start = identityStart(model)
  start.update("stored \(converted.map { "\($0)" } ?? "as it is")")
  let (files, check, backend) = (model.weightFiles, model.sourceCheck, model.backend)
  let adapters = model.allLinears.compactMap { linear in
    linear.adapter.map { (linear.name, $0) }
  }
  return Deferred { [start] in
    try check()
    var hash = start
    for file in files { hash.update(try ContentStore.hash(file, rememberedBy: store)) }
    for (name, adapter) in adapters {
      hash.update("\(name) \(adapter.rank) \(adapter.scale) \(adapter.dropout)")
      for tensor in adapter.tensors {
        try backend.read(tensor).withUnsafeBytes { hash.update($0) }
      }
    }
    return hash.finish()
  }
}

/// The same for random weights, which their seed determines.
func randomIdentity(of model: Model, seed: Int, dtype: DType?) -> Deferred<String?> {
  var hash = identityStart(model)
  hash.update("random \(seed) \(dtype.map { "\($0)" } ?? "as configured")")
  return Deferred(made: hash.finish())
}

private func identityStart(_ model: Model) -> SHA256 {
  var hash = SHA256()
  hash.update("olv model 1")
  hash.update(JSON.object(model.config.raw).text())
  hash.update(model.tokenizer.contentHash)
  hash.update("\(model.endTokens) \(model.lineage.dropFirst())")
  return hash
}
