import type { MigrationClient, MigrationClientOptions } from "./migration.js";
/** Makes the one client behind all facades; a former one is closed. */
export declare const configure: (options: MigrationClientOptions) => MigrationClient;
export declare const migrationOrchestrator: Pick<MigrationClient, "off" | "checkIfMigrationNeeded" | "createMigrationPlan" | "getMigrationStatistics" | "generateMigrationReport" | "initialize" | "startMigration" | "on" | "getMigrationStatus" | "checkMigrationStatus" | "destroy">;
export declare const progressTracker: Pick<MigrationClient, "off" | "on" | "getMigrationStatus" | "checkMigrationStatus" | "exportProgressData">;
export declare const autoDetector: Pick<MigrationClient, "off" | "checkIfMigrationNeeded" | "createMigrationPlan" | "on">;
export declare const rollbackService: Pick<MigrationClient, "canRollback" | "listRollbackPoints" | "previewRollback" | "rollbackMigration" | "undoRollback">;
export declare const backupService: Pick<MigrationClient, "createBackup" | "listBackups" | "downloadBackup" | "restoreBackup">;
export declare const validationService: Pick<MigrationClient, "validateMigration" | "validateMigrationReadiness">;
export declare const zeroDowntimeCoordinator: Pick<MigrationClient, "off" | "storage" | "get" | "getAll" | "checkSystemHealth" | "install" | "whenSynced" | "on" | "uninstall" | "pending" | "ready">;
