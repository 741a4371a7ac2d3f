# Take three public 16S tables out of two Bioconductor packages, in formats that any tool can read.
#
#   Rscript data/scripts/export_embedded.R build/embedded
#
# Writes a folder a table (Matrix Market or TSV, ids, metadata, taxonomy, tree) and figures.json: what R
# itself counts in each table. The tests hold the packed files to these figures. pack_embedded.py packs.

suppressMessages({
  library(metagenomeSeq)
  library(phyloseq)
})

folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript export_embedded.R build/embedded")

# Tab-separated text with the ids as first column, nothing quoted, missing values empty.
write_tsv <- function(frame, path, ids) {
  frame <- data.frame(frame, check.names = FALSE, stringsAsFactors = FALSE)
  for (column in names(frame)) frame[[column]] <- as.character(frame[[column]])
  stopifnot(!anyDuplicated(ids), !any(grepl("[\t\n\"]", unlist(frame))), !any(grepl("[\t\n\"]", ids)))
  frame <- cbind(setNames(data.frame(ids), "id"), frame)
  write.table(frame, path, sep = "\t", quote = FALSE, na = "", row.names = FALSE, fileEncoding = "UTF-8")
}

# What R counts in a table with features as rows.
describe <- function(table) {
  depths <- colSums(table)
  list(
    samples = ncol(table), features = nrow(table), features_in_no_sample = sum(rowSums(table) == 0),
    nonzero = sum(table > 0), total = sum(table), depth_min = min(depths), depth_median = median(depths),
    depth_max = max(depths), depths = as.list(depths)
  )
}

export_counts <- function(table, into) {
  stopifnot(all(table == round(table)), min(table) >= 0)
  Matrix::writeMM(as(Matrix::Matrix(table, sparse = TRUE), "generalMatrix"), file.path(into, "counts.mtx"))
  writeLines(rownames(table), file.path(into, "features.txt"))
  writeLines(colnames(table), file.path(into, "samples.txt"))
}

make_folder <- function(name) {
  into <- file.path(folder, name)
  dir.create(into, recursive = TRUE, showWarnings = FALSE)
  into
}

# ---- turnbaugh_mice: raw counts, phenotypes and taxonomy of mouseData -------------------------------------
export_turnbaugh_mice <- function() {
  into <- make_folder("turnbaugh_mice")
  data(mouseData, envir = environment())
  table <- MRcounts(mouseData, norm = FALSE, log = FALSE)
  phenotypes <- pData(mouseData)
  lineages <- fData(mouseData)
  stopifnot(
    identical(rownames(phenotypes), colnames(table)), identical(rownames(lineages), rownames(table)),
    all(as.character(lineages$OTU) == rownames(table)) # so the column OTU is left out: it repeats the id
  )
  lineages$OTU <- NULL
  for (rank in names(lineages)) {
    names_there <- as.character(lineages[[rank]])
    lineages[[rank]] <- ifelse(names_there == "NA", NA, names_there) # unknown is spelled as the text "NA"
  }
  export_counts(table, into)
  write_tsv(phenotypes, file.path(into, "metadata.tsv"), colnames(table))
  write_tsv(lineages, file.path(into, "taxonomy.tsv"), rownames(table))
  western <- phenotypes$diet == "Western"
  c(describe(table), list(
    mice = nlevels(phenotypes$mouseID),
    mice_ever_on_western = sort(unique(as.character(phenotypes$mouseID[western]))),
    first_western_date = as.character(min(phenotypes$date[western])),
    samples_on_western = sum(western)
  ))
}

# ---- global_patterns: counts, tree, taxonomy and sample data of GlobalPatterns ----------------------------
export_global_patterns <- function() {
  into <- make_folder("global_patterns")
  data(GlobalPatterns, envir = environment())
  table <- as(otu_table(GlobalPatterns), "matrix")
  samples <- as(sample_data(GlobalPatterns), "data.frame")
  tree <- phy_tree(GlobalPatterns)
  stopifnot(
    taxa_are_rows(GlobalPatterns), identical(rownames(samples), colnames(table)),
    all(as.character(samples$X.SampleID) == colnames(table)), # left out: it repeats the id
    ape::is.rooted(tree), ape::is.binary(tree), setequal(tree$tip.label, rownames(table))
  )
  samples$X.SampleID <- NULL
  samples$Description <- trimws(samples$Description)
  tree$node.label <- NULL # bootstrap values that were made unique ("0.858.4") and so mean nothing
  export_counts(table, into)
  write_tsv(samples, file.path(into, "metadata.tsv"), colnames(table))
  write_tsv(as(tax_table(GlobalPatterns), "matrix"), file.path(into, "taxonomy.tsv"), rownames(table))
  ape::write.tree(tree, file.path(into, "tree.nwk"), digits = 15)
  c(describe(table), list(
    tips = length(tree$tip.label), internal_nodes = tree$Nnode, branch_length_sum = sum(tree$edge.length)
  ))
}

# ---- twins_genera: the pyrosequenced 16S samples of enterotype, as genus fractions ------------------------
export_twins_genera <- function() {
  into <- make_folder("twins_genera")
  data(enterotype, envir = environment())
  samples <- as(sample_data(enterotype), "data.frame")
  kept <- samples$SeqTech == "Pyro454"
  whole <- as(otu_table(enterotype), "matrix")
  stopifnot(taxa_are_rows(enterotype), identical(rownames(samples), colnames(whole)))
  table <- whole[rowSums(whole[, kept]) > 0, kept] # genera that none of these samples has are left out
  samples <- samples[kept, ]
  stopifnot(all(as.character(samples$Sample_ID) == colnames(table)), max(table) <= 1, min(table) >= 0)
  samples$Sample_ID <- NULL # repeats the id
  genera <- as(tax_table(enterotype), "matrix")[rownames(table), , drop = FALSE]
  empty <- names(samples)[colSums(!is.na(samples)) == 0]
  samples <- samples[setdiff(names(samples), empty)]
  text <- apply(t(table), 2, sprintf, fmt = "%.15g")
  stopifnot(max(abs(as.numeric(text) - as.vector(t(table)))) < 1e-15)
  write_tsv(text, file.path(into, "fractions.tsv"), colnames(table))
  write_tsv(samples, file.path(into, "metadata.tsv"), colnames(table))
  write_tsv(genera, file.path(into, "taxonomy.tsv"), rownames(table))
  c(describe(table), list(
    features_of_all_280_samples = nrow(whole), features_left_out = nrow(whole) - nrow(table),
    metadata_columns_left_out = empty,
    enterotypes = as.list(table(samples$Enterotype))
  ))
}

described <- function(package) {
  about <- packageDescription(package)
  list(version = about$Version, license = about$License)
}
packages <- c("metagenomeSeq", "phyloseq", "ape", "Matrix")
figures <- list(
  made_by = "data/scripts/export_embedded.R", r_version = as.character(getRversion()),
  packages = sapply(packages, described, simplify = FALSE),
  turnbaugh_mice = export_turnbaugh_mice(),
  global_patterns = export_global_patterns(),
  twins_genera = export_twins_genera()
)
jsonlite::write_json(figures, file.path(folder, "figures.json"),
  auto_unbox = TRUE, pretty = TRUE, digits = NA
)
for (name in c("turnbaugh_mice", "global_patterns", "twins_genera")) {
  cat(sprintf("%s: %d samples x %d features, total %s\n", name, figures[[name]]$samples,
    figures[[name]]$features, format(figures[[name]]$total, big.mark = ",", digits = 12)))
}
