import CPUKernels

extension CPUBackend {
  public func round(_ weight: Tensor, to grid: Grid, rule: ScaleRule, limits: Tensor?) throws
    -> PackedMatrix
  {
    let name = "round"
    let strips = try Strips(.dense(weight), name, self)
    let output = try PackedOutput(
      rows: weight.rows, columns: weight.columns, grid: grid, name, self)
    let bounds = try limits.map { limits in
      try require(limits, name, "limits", rows: weight.rows, columns: output.groups)
      return (address: try limits.floats(name), stride: limits.rowStride)
    }
    let tileGrid = TileGrid(grid, rule)
    let tiles = processor.tiles
    let width = grid.width(columns: weight.columns)
    let faults = try parallelStrips(strips.count, most: 4, initial: TileFault.none) {
      range, workspace in
      let tile = workspace.floats(0, strips.size)
      let scratch = workspace.floats(1, strips.size)
      let codes = workspace.buffer(2, strips.size, of: UInt8.self)
      let scales = workspace.floats(3, tileRows * output.groups)
      let zeros = workspace.floats(4, tileRows * output.groups)
      let limit = workspace.floats(5, tileRows)
      for index in range {
        guard strips.load(index, tile, scratch) else { return .weight }
        let rows = strips.rows(of: index)
        for group in 0..<output.groups {
          let (start, place) = (tileRows * width * group, tileRows * group)
          if let bounds {
            for lane in 0..<tileRows {
              limit[lane] =
                lane < rows.count
                ? bounds.address[(rows.lowerBound + lane) * bounds.stride + group] : 0
            }
            tiles.clampTile(tile + start, width, limit)
          }
          tiles.findGrid(tile + start, width, tileGrid, scales + place, zeros + place)
          tiles.roundTile(
            tile + start, width, tileGrid, scales + place, zeros + place, codes + start, nil)
        }
        let fault = output.write(
          rows, codes: codes, places: nil, scales: scales, zeros: zeros, targets: nil, tiles)
        if fault != .none { return fault }
      }
      return .none
    }
    try TileFault.check(faults, name)
    return output.matrix()
  }
}
