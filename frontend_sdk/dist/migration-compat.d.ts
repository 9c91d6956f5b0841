import type { MigrationClient, MigrationClientOptions } from "./migration.js";
/** Makes the one client behind all facades; a former one is closed. */
export declare const configure: (options: MigrationClientOptions) => MigrationClient;
export declare const migrationOrchestrator: Pick<MigrationClient, "checkIfMigrationNeeded" | "createMigrationPlan" | "getMigrationStatistics" | "generateMigrationReport" | "initialize" | "startMigration" | "on" | "off" | "getMigrationStatus" | "checkMigrationStatus" | "destroy">;
export declare const progressTracker: Pick<MigrationClient, "on" | "off" | "getMigrationStatus" | "checkMigrationStatus" | "exportProgressData">;
export declare const autoDetector: Pick<MigrationClient, "checkIfMigrationNeeded" | "createMigrationPlan" | "on" | "off">;
export declare const rollbackService: Pick<MigrationClient, "canRollback" | "listRollbackPoints" | "previewRollback" | "rollbackMigration" | "undoRollback">;
export declare const backupService: Pick<MigrationClient, "createBackup" | "listBackups" | "downloadBackup" | "restoreBackup">;
export declare const validationService: Pick<MigrationClient, "validateMigration" | "validateMigrationReadiness">;
export declare const zeroDowntimeCoordinator: Pick<MigrationClient, "storage" | "get" | "checkSystemHealth" | "install" | "whenSynced" | "getAll" | "on" | "off" | "uninstall" | "pending" | "ready">;
